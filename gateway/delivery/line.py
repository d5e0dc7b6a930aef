"""Who is next: first come, first served for each destination, and the destinations take turns (RX-10).

Only so many of one destination are under way at once, so a dead one with fifty thousand messages keeps nobody else
waiting. Urgent mail goes to the front. Pure: no clock, no I/O.
"""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, replace

from gateway.delivery.letter import Letter
from gateway.message.address import domain_of
from gateway.message.entry import QueueEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Entries of one message for one destination, never none.

    letter: None when the message has to be read from the store at its turn.
    """

    entries: tuple[QueueEntry, ...]
    size: int
    letter: Letter | None = None

    @property
    def queue_id(self) -> str:
        return self.entries[0].queue_id

    @property
    def destination(self) -> str:
        return domain_of(self.entries[0].recipient)

    @property
    def is_urgent(self) -> bool:
        return self.entries[0].urgent


class Line:
    """Everybody who waits, and how many of each destination are under way."""

    def __init__(self, *, per_destination: int) -> None:
        """per_destination: how many of one destination may be under way at once."""
        self._per_destination = per_destination
        self._waiting: dict[str, deque[Waiting]] = {}
        self._ready: dict[str, None] = {}  # destinations with somebody waiting and room, in the order of their turns
        self._under_way: Counter[str] = Counter()
        self.bytes_waiting = 0

    def put(self, waiting: Waiting) -> None:
        """At the end of the destination's queue, or in front of everybody when urgent."""
        destination = waiting.destination
        queue = self._waiting.setdefault(destination, deque())
        self.bytes_waiting += waiting.size
        if not waiting.is_urgent:
            queue.append(waiting)
            self._give_turn(destination)
            return
        queue.appendleft(waiting)
        if self._has_room(destination):
            self._ready = {destination: None, **self._ready}

    def first(self) -> Waiting | None:
        """Whose turn it is; None when nobody waits, or only for destinations that are full."""
        destination = next(iter(self._ready), None)
        return None if destination is None else self._waiting[destination][0]

    def start(self) -> Waiting:
        """Take the first out of the line; it is under way until `finish`. Raises: LookupError when there is none."""
        waiting = self.first()
        if waiting is None:
            raise LookupError("nobody's turn")
        destination = waiting.destination
        self._waiting[destination].popleft()
        self.bytes_waiting -= waiting.size
        self._under_way[destination] += 1
        del self._ready[destination]
        if not self._waiting[destination]:
            del self._waiting[destination]
        self._give_turn(destination)
        return waiting

    def finish(self, waiting: Waiting) -> None:
        """It came to a rest."""
        destination = waiting.destination
        self._under_way[destination] -= 1
        if not self._under_way[destination]:
            del self._under_way[destination]
        self._give_turn(destination)

    def withdraw(self, ids: Collection[str]) -> frozenset[str]:
        """Take entries out of the line. Returns: those that were in it; what is under way stays there."""
        found: set[str] = set()
        for destination, queue in list(self._waiting.items()):
            if not any(entry.id in ids for waiting in queue for entry in waiting.entries):
                continue
            kept: deque[Waiting] = deque()
            for waiting in queue:
                staying = tuple(entry for entry in waiting.entries if entry.id not in ids)
                found.update(entry.id for entry in waiting.entries if entry.id in ids)
                if staying:
                    kept.append(replace(waiting, entries=staying))
                else:
                    self.bytes_waiting -= waiting.size
            self._waiting[destination] = kept
            if not kept:
                del self._waiting[destination]
                self._ready.pop(destination, None)
        return frozenset(found)

    def crowded(self) -> frozenset[str]:
        """Destinations with so many waiting that more need not be fetched now."""
        return frozenset(name for name, queue in self._waiting.items() if len(queue) >= self._per_destination)

    def length_without(self, destinations: frozenset[str]) -> int:
        """How many wait for all other destinations."""
        return sum(len(queue) for name, queue in self._waiting.items() if name not in destinations)

    def _has_room(self, destination: str) -> bool:
        return self._under_way[destination] < self._per_destination

    def _give_turn(self, destination: str) -> None:
        """After those who have one already."""
        if destination in self._waiting and self._has_room(destination):
            self._ready.setdefault(destination)
