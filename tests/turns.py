"""Tests that measure have the machine to themselves, though several run at once.

How this works: a test of a parallel run shares the room with others; one marked `alone` waits until the room is empty
and keeps it. Everybody comes in through a gate, one at a time, and who waits for the room keeps the gate shut: else
there would always be somebody inside. Both are locks on files of the suite, which a worker that dies gives back.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

GATE: Final = Path(__file__)
ROOM: Final = Path(__file__).with_name("conftest.py")


@contextmanager
def in_turn(*, alone: bool) -> Iterator[None]:
    """Inside, others are there as well, or nobody is."""
    with ROOM.open("rb") as room:
        with GATE.open("rb") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
