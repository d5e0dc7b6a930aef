"""What writer and store ask of a database; `sqlite.py` and `postgres/database.py` are the two that there are."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.compiling import Row
from gateway.store.faults import EnvironmentFault
from gateway.store.statements import Unit

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]
EventsOf = Callable[[T], Sequence[Event]]


class CommitUnknown(Exception):
    """The connection was lost between COMMIT and its answer: ask `was_committed` before anything else.

    was_committed: tells what became of it; raises StoreSick while that cannot be told, and is asked again then, by one
    task at a time as `Database.write` is. result: what `transact` gives back if it is there. No commit of a file in
    this very process goes unanswered: only a database with a connection to lose raises this.
    """

    def __init__(self, transaction: str, was_committed: Callable[[], Awaitable[bool]], result: Any = None) -> None:
        super().__init__(f"nobody knows whether transaction {transaction} was committed")
        self.was_committed = was_committed
        self.result = result


class Database(Protocol):
    """One open database. Only one task at a time calls `write`, `transact`, `probe` and `tidy`."""

    @property
    def is_alone(self) -> bool:
        """Whether a lock keeps all other processes from writing."""

    def fault(self) -> EnvironmentFault | None:
        """What is wrong around it now, as far as that shows without writing."""

    async def write(self, units: Sequence[Unit]) -> None:
        """Make units durable in one transaction, their events as the next leaves of the audit log.

        Raises: StoreFull, StoreSick, CommitUnknown; MissingRow or RowRefused for units that cannot be.
        """

    async def transact(self, work: Work[T], events: EventsOf[T] | None) -> T:
        """The same for work that is not made of units. Raises: also what work raises."""

    async def probe(self) -> None:
        """Write, allocate and sync as real work would. Raises: StoreFull or StoreSick when that fails."""

    async def tidy(self) -> bool:
        """Cut destroyed content out of what the database keeps beside its tables; false when that has to wait."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection that cannot write; each statement sees what was committed when it began. Raises: StoreSick."""

    async def fetch(self, statement: sa.Select[Any], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Run a SELECT, compiled once, for each row (never none) of its one parameter, in one hop.

        statement: made once, at import. Returns: what was found for the first row, then for the second, and so on.
        Raises: StoreSick.
        """

    async def close(self) -> None:
        """Give everything back; nothing is under way any more."""
