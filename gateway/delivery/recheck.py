"""What another room says of copies that are about to be tried: which may not go on as they are.

Delivery does not decide; `gateway.pipeline.recheck` does, and this is what both know of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.message.entry import QueueEntry
from gateway.message.event import Event
from gateway.store.statements import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What has become of one copy.

    why: it stops, in words; empty: it goes on as `entry` has it. event: its decision.
    """

    entry: QueueEntry
    event: Event
    why: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Of entries of one message. kept: the records of the new decisions."""

    changed: tuple[Changed, ...] = ()
    kept: tuple[Change, ...] = ()


class Recheck(Protocol):
    """Raises: StoreError when a register that has a say cannot be read; then nothing is tried."""

    async def __call__(self, entries: Sequence[QueueEntry], *, now: datetime) -> Review: ...
