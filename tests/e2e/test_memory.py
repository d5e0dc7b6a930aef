"""RX-06 at a real gateway: many large messages at once do not add up in memory."""

from pathlib import Path

import pytest

from bench.memory import measure, roomy
from bench.run import MIB, running_sink
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MESSAGES, OCTETS = 40, 8_000_000
GROWTH_MIB = 300  # the messages alone are 305, and each is in memory more than once while it is worked on


def test_memory_does_not_grow_with_the_messages(tmp_path: Path, world: World) -> None:
    """All are accepted and delivered, within less than they would take together.

    `python -m bench.memory` is the whole of it: 200 messages of 25 MB.
    """
    with running_sink(world) as sink, roomy(tmp_path, world, inspectors=1) as gateway:
        found = measure(gateway, sink, messages=MESSAGES, size=OCTETS)
    assert found.peak_rss_mib - found.idle_rss_mib < GROWTH_MIB
    assert found.octets * found.messages > GROWTH_MIB * MIB
