"""What a mail administrator finds in the log of a delivery."""

import io
from collections.abc import Iterator

import pytest
import structlog

from gateway import log
from gateway.delivery.outcome import Seen
from gateway.message.queue_id import new_queue_id
from tests.gateway.delivery.office import RECIPIENT, Office, Saw, make_entry


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    structlog.reset_defaults()


async def test_a_deferral_says_what_was_seen_and_answered(office: Office, written: io.StringIO) -> None:
    """Codes, not words: a server may quote the subject in its reply (invariant 4)."""
    office.see(RECIPIENT, Saw(Seen.DEFERRED, "450 4.2.0 Your message 'Biopsy of Pat' is greylisted"))
    await office.send(make_entry(new_queue_id()))
    (line,) = [line for line in written.getvalue().splitlines() if ": deferred: " in line]
    assert "seen=deferred, reply=450 4.2.0, " in line
    assert "Biopsy" not in line
