"""Who is next: within a destination the senders take turns, and the destinations take turns (RX-10).

Only so many of one destination, and so many octets, are under way at once: a dead one with fifty thousand messages, or
with ten large ones, keeps nobody else waiting. Urgent mail goes to the front. Pure: no clock, no I/O.
"""

import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.delivery.letter import Letter
from gateway.delivery.turns import Turns
from gateway.message.address import domain_of
from gateway.message.entry import QueueEntry
from policy.decision import Method

OVERDUE: Final = " overdue"  # as a destination: no domain is written like this
PORTAL: Final = " portal"  # as a destination: what goes there asks nothing of its recipient's host

LANES: Final = frozenset({OVERDUE, PORTAL})


class Room(Protocol):
    """Who may start: `gateway.delivery.shaper.Shaper`."""

    def has_room(self, name: str, under_way: int) -> bool: ...

    def started(self, name: str) -> None: ...


class Fixed:
    """The same room for everybody."""

    def __init__(self, most: int) -> None:
        self._most = most

    def has_room(self, name: str, under_way: int) -> bool:
        return under_way < self._most

    def started(self, name: str) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Entries of one message for one destination, never none.

    letter: None when the message has to be read from the store at its turn. lane: takes turns with that instead of its
    destination; for what is decided without asking the destination.
    """

    entries: tuple[QueueEntry, ...]
    size: int
    letter: Letter | None = None
    lane: str = ""

    @property
    def queue_id(self) -> str:
        return self.entries[0].queue_id

    @property
    def destination(self) -> str:
        first = self.entries[0]
        return self.lane or (PORTAL if first.method is Method.PORTAL else domain_of(first.recipient))

    @property
    def sender(self) -> str:
        """Who takes turns with others: the domain that sends, or for the null reverse path the kind of mail."""
        return domain_of(self.entries[0].sender) if self.entries[0].sender else self.entries[0].kind.value

    @property
    def is_urgent(self) -> bool:
        return self.entries[0].urgent


class Line:
    """Everybody who waits, and how many of each destination are under way."""

    def __init__(self, *, per_destination: int, room: Room | None = None, share: int = sys.maxsize) -> None:
        """per_destination: how many of one destination may be under way at once, where `room` is not asked.

        share: octets of one destination that may be under way at once; one message alone always may.
        """
        self._per_destination = per_destination
        self._share = share
        self._room: Room = room or Fixed(per_destination)
        self._waiting: dict[str, Turns[Waiting]] = {}
        self._ready: dict[str, None] = {}  # destinations with somebody waiting and room, in the order of their turns
        self._under_way: Counter[str] = Counter()
        self._octets_under_way: Counter[str] = Counter()
        self._octets_waiting: Counter[str] = Counter()

    def put(self, waiting: Waiting) -> None:
        """At the end of the destination's queue, or in front of everybody when urgent."""
        destination = waiting.destination
        queue = self._waiting.setdefault(destination, Turns())
        self._octets_waiting[destination] += waiting.size
        queue.put(waiting.sender, waiting, is_urgent=waiting.is_urgent)
        if not waiting.is_urgent:
            self._give_turn(destination)
            return
        self._ready.pop(destination, None)  # the urgent one may have no room where the one behind it had
        if self._has_room(destination):
            self._ready = {destination: None, **self._ready}

    @property
    def bytes_waiting(self) -> int:
        """Octets of all that wait."""
        return self._octets_waiting.total()

    def first(self, room: int = sys.maxsize) -> Waiting | None:
        """Whose turn it is; None when nobody waits, or only for destinations that are full.

        room: octets; who is larger is passed by, and has the first chance when there is more.
        """
        for destination in list(self._ready):
            if not self._has_room(destination):
                del self._ready[destination]  # it had room when it got its turn; `refresh` gives it another
                continue
            waiting = self._waiting[destination].first()
            if waiting.size <= room:
                return waiting
        return None

    def start(self, room: int = sys.maxsize) -> Waiting:
        """Take the first out of the line; it is under way until `finish`. Raises: LookupError when there is none."""
        waiting = self.first(room)
        if waiting is None:
            raise LookupError("nobody's turn")
        destination = waiting.destination
        self._waiting[destination].take()
        self._octets_waiting[destination] -= waiting.size
        self._under_way[destination] += 1
        self._octets_under_way[destination] += waiting.size
        if destination not in LANES:
            self._room.started(destination)
        del self._ready[destination]
        if not self._waiting[destination]:
            del self._waiting[destination], self._octets_waiting[destination]
        self._give_turn(destination)
        return waiting

    def finish(self, waiting: Waiting) -> None:
        """It came to a rest."""
        destination = waiting.destination
        self._under_way[destination] -= 1
        self._octets_under_way[destination] -= waiting.size
        if not self._under_way[destination]:
            del self._under_way[destination], self._octets_under_way[destination]
        self._give_turn(destination)

    def refresh(self) -> None:
        """Time has passed: some who had no room may have it now."""
        for destination in self._waiting:
            self._give_turn(destination)

    def shed(self, destinations: Collection[str]) -> frozenset[str]:
        """Take all who wait for these out of the line. Returns: their entries."""
        ids = {
            entry.id
            for destination in destinations
            for waiting in self._waiting.get(destination, ())
            for entry in waiting.entries
        }
        return self.withdraw(ids) if ids else frozenset()

    def withdraw(self, ids: Collection[str]) -> frozenset[str]:
        """Take entries out of the line. Returns: those that were in it; what is under way stays there."""
        found: set[str] = set()
        for destination, queue in list(self._waiting.items()):
            if not any(entry.id in ids for waiting in queue for entry in waiting.entries):
                continue

            def without(waiting: Waiting, destination: str = destination) -> Waiting | None:
                staying = tuple(entry for entry in waiting.entries if entry.id not in ids)
                found.update(entry.id for entry in waiting.entries if entry.id in ids)
                if staying:
                    return replace(waiting, entries=staying)
                self._octets_waiting[destination] -= waiting.size
                return None

            queue.change(without)
            if not queue:
                del self._waiting[destination], self._octets_waiting[destination]
                self._ready.pop(destination, None)
            self._give_turn(destination)  # who was behind a large one may have room
        return frozenset(found)

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def crowded(self) -> frozenset[str]:
        """Destinations with so many waiting, or so many octets, that more need not be fetched now."""
        return frozenset(
            name
            for name, queue in self._waiting.items()
            if len(queue) >= self._per_destination or self._octets_waiting[name] >= self._share
        )

    def length_without(self, destinations: frozenset[str]) -> int:
        """How many wait for all other destinations that have room; who waits for a dead one keeps nobody out."""
        return sum(
            len(queue) for name, queue in self._waiting.items() if name not in destinations and self._has_room(name)
        )

    def bytes_without(self, destinations: frozenset[str]) -> int:
        """How many octets wait for all other destinations."""
        return sum(octets for name, octets in self._octets_waiting.items() if name not in destinations)

    def _has_room(self, destination: str) -> bool:
        """For the next that waits there."""
        octets = self._octets_under_way.get(destination, 0)
        if octets and octets + self._waiting[destination].first().size > self._share:
            return False
        under_way = self._under_way.get(destination, 0)
        if destination in LANES:
            return under_way < self._per_destination
        return self._room.has_room(destination, under_way)

    def _give_turn(self, destination: str) -> None:
        """After those who have one already."""
        if destination in self._waiting and self._has_room(destination):
            self._ready.setdefault(destination)
