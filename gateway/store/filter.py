"""Which entries somebody asks for, as SQL that both databases take.

No SQLAlchemy in here: an operator's `queue list` reads without it, since loading it takes longer than the reading.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.message.account import ANY_OF
from gateway.message.entry import EntryState, MessageKind
from gateway.store.times import micros

Value = str | int

LIST_LIMIT: Final = 1000
UNFINISHED: Final = tuple(state for state in EntryState if not state.is_ending)
ESCAPE: Final = "/"  # before what LIKE would read as a pattern


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition on the table `entry`. sql: names its values as `:name`; nothing that was typed stands in it."""

    sql: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries to list; empty means any. after: the id of the last entry of the page before.

    sender: an address, or `*@domain`; recipient: an address; domain: of recipients. Case counts in none of them.
    ids: of entries. until, since: when they were queued, the first inclusive.
    """

    states: Collection[EntryState] = ()
    kinds: Collection[MessageKind] = ()
    queue_id: str = ""
    ids: Collection[str] = ()
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    until: datetime | None = None
    since: datetime | None = None
    after: str = ""
    limit: int = LIST_LIMIT

    def clauses(self) -> Iterator[Clause]:
        """All have to hold; `after` and `limit` are the caller's."""
        pairs: tuple[tuple[object, Callable[[], Clause]], ...] = (
            (self.states, lambda: one_of("entry.state", [state.value for state in self.states])),
            (self.kinds, lambda: one_of("entry.kind", [kind.value for kind in self.kinds])),
            (self.queue_id, lambda: one_of("entry.queue_id", [self.queue_id])),
            (self.ids, lambda: one_of("entry.id", self.ids)),
            (self.sender, lambda: _sender(self.sender.lower())),
            (self.recipient, lambda: Clause("lower(entry.recipient) = :to", {"to": self.recipient.lower()})),
            (self.domain, lambda: one_of("entry.domain", [self.domain.lower()])),
        )
        yield from (clause() for given, clause in pairs if given)
        if self.until is not None:
            yield Clause("entry.queued_at <= :until", {"until": micros(self.until)})
        if self.since is not None:
            yield Clause("entry.queued_at > :since", {"since": micros(self.since)})


def one_of(column: str, values: Collection[str]) -> Clause:
    """The column has one of these values, of which there are some."""
    names = {f"{column.replace('.', '_')}_{number}": value for number, value in enumerate(values)}
    return Clause(f"{column} IN ({', '.join(f':{name}' for name in names)})", names)


def every(clauses: Iterator[Clause]) -> Clause:
    """All of them; true when there are none."""
    parts = list(clauses)
    values = {name: value for part in parts for name, value in part.values.items()}
    return Clause(" AND ".join(part.sql for part in parts) or "1 = 1", values)


def _sender(pattern: str) -> Clause:
    if not pattern.startswith(ANY_OF):
        return Clause("lower(entry.sender) = :sender", {"sender": pattern})
    ending = pattern.removeprefix("*")
    for special in (ESCAPE, "%", "_"):
        ending = ending.replace(special, ESCAPE + special)
    return Clause(f"lower(entry.sender) LIKE :sender ESCAPE '{ESCAPE}'", {"sender": f"%{ending}"})
