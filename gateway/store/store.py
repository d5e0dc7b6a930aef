"""The store as the rooms see it: open, commit, transact, read, seal, close. on SQLite or PostgreSQL."""

import asyncio
import importlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.config.model import Seal
from gateway.message.entry import MessageKind
from gateway.store.compiling import Row
from gateway.store.content import BODY, PIECE_BYTES, REPORT, Part, Piece, seal_part
from gateway.store.database import Database, EventsOf, T, Work
from gateway.store.engines import reader_engine
from gateway.store.errors import StoreError, StoreFull, StoreMissing, StoreSick, StoreUnsupported
from gateway.store.faults import EnvironmentFault
from gateway.store.file import database_path, existing_database
from gateway.store.key_command import open_vault_of
from gateway.store.rows import NewMessage, Sealed, drop_pieces
from gateway.store.sqlite import SqliteDatabase
from gateway.store.statements import Change, Op, Unit
from gateway.store.vault import Vault, new_data_key
from gateway.store.writer import Writer

SQLITE: Final = "sqlite"  # the url of the embedded one
THREAD_ABOVE_BYTES: Final = 256 * 1024  # sealing or opening more than this leaves the loop
FREE_SPACE_FLOOR: Final = 64 * 1024 * 1024


def load_postgres() -> ModuleType:
    """`gateway.store.postgres.database`, whose driver not everybody installs. Raises: StoreUnsupported."""
    try:
        return importlib.import_module("gateway.store.postgres.database")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreUnsupported('store.url: PostgreSQL needs an extra: pip install "mailward[postgres]"') from None


async def open_vault(url: str, *, seal: Seal, data_dir: Path) -> Vault:
    """The vault of an installation; makes a key only where nothing was sealed yet (KY-05).

    Raises: KeyMismatch, KeyUnusable; StoreSick or StoreUnsupported when the database cannot be asked.
    """
    if url == SQLITE:
        holds_data = database_path(data_dir).exists()
    else:
        holds_data = await load_postgres().holds_data(url)
    return await asyncio.to_thread(open_vault_of, seal, may_create=not holds_data)


async def open_reader(url: str, *, data_dir: Path) -> AsyncEngine:
    """Connections that only read, while a gateway writes; dispose of the engine afterwards.

    Raises: StoreMissing where there is no database yet, StoreSick, StoreUnsupported.
    """
    if url == SQLITE:
        return reader_engine(existing_database(data_dir))
    postgres = load_postgres()
    if not await postgres.holds_data(url):
        raise StoreMissing("store.url: no tables there; the gateway has never run on this database")
    engine: AsyncEngine = postgres.reader_engine(url)
    return engine


class Store:
    """One gateway's durable state. Make it with `open`."""

    def __init__(self, *, node: str, vault: Vault, database: Database) -> None:
        self.node = node
        self.vault = vault
        self._database = database
        self._writer = Writer(database)
        self._ahead: set[str] = set()  # messages whose pieces are on disk and which no unit has made visible yet
        self._cleaning: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls, *, url: str, data_dir: Path, vault: Vault, node: str, free_space_floor: int = FREE_SPACE_FLOOR,
        is_alone: bool = True,
    ) -> "Store":  # fmt: skip
        """Lock what the url names, check and migrate it, and make the last run's state safe to go on from.

        url: "sqlite", or one of PostgreSQL. node: this process's name in leases. free_space_floor: bytes on the disk of
        SQLite, see `accepting`. is_alone: refuse other processes on the same database, as SQLite always does.
        Raises: StoreLocked, StoreUnsupported, SchemaTooNew, DamagedStore, KeyMismatch, StoreFull, StoreSick.
        """
        database: Database
        if url == SQLITE:
            database = await SqliteDatabase.open(data_dir, vault, free_space_floor=free_space_floor)
        else:
            database = await load_postgres().PostgresDatabase.open(url, data_dir, vault, is_alone=is_alone)
        store = cls(node=node, vault=vault, database=database)
        store._writer.tidy_soon()  # what a run that was killed had destroyed but not yet cut away (KY-06)
        return store

    async def close(self) -> None:
        """Finish queued writes and give the directory back; new work is refused with StoreClosed at once."""
        if self._writer.closed:
            return
        for task in self._cleaning:
            task.cancel()
        await self._writer.close()
        await self._database.close()

    @property
    def is_alone(self) -> bool:
        """Whether a lock keeps all other processes from writing to this database."""
        return self._database.is_alone

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded or a probe has since."""
        return self._writer.fault is None

    @property
    def fault(self) -> EnvironmentFault | None:
        """Why new mail is refused now, or None: the writer's trouble, a missing file, or too little free space."""
        return self._writer.fault or self._database.fault()

    @property
    def accepting(self) -> bool:
        """Whether new mail may be taken; asked before DATA, answers 452 or 451 by the type of `fault`."""
        return self.fault is None

    @property
    def registers_revision(self) -> int:
        """Moves whenever a register may have changed: what was read of one before has to be read again."""
        return self._writer.registers_revision

    @property
    def registers_changed_at(self) -> datetime:
        """When a register may last have changed, by this process."""
        return self._writer.registers_changed_at

    async def wait_healthy(self) -> None:
        await self._writer.wait_healthy()

    async def commit(self, unit: Unit) -> None:
        """Make a unit durable; a cancelled caller does not cancel it.

        Raises: StoreFull, StoreSick, StoreClosed; MissingRow or RowRefused for a unit that cannot be.
        """
        ahead = self._ahead & _messages_in(unit) if self._ahead else set()
        try:
            await self._writer.commit(unit)
        except Exception:
            for queue_id in ahead:
                self._drop_later(queue_id)
            raise
        self._ahead -= ahead

    async def settle(self, unit: Unit) -> None:
        """Commit an outcome that has already happened in the world: wait out a sick store and try again."""
        while True:
            try:
                return await self._writer.commit(unit)
            except (StoreSick, StoreFull):
                await self._writer.wait_healthy()

    async def transact(self, work: Work[T], *, events: EventsOf[T] | None = None, is_register: bool = True) -> T:
        """Run rare work (registers) on the writing connection, in one transaction with the events it makes.

        work: must not commit, and must not wait for anything but the connection it is given.
        is_register: whether it may change a register; then what is kept of those in memory is read anew.
        """
        return await self._writer.transact(work, events, is_register=is_register)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A read-only connection; each statement sees what was committed when it began.

        Raises: StoreSick when the database cannot be read.
        """
        return self._database.read()

    async def fetch(self, statement: sa.Select[Any], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Read for many at once: as `Database.fetch`."""
        return await self._database.fetch(statement, rows) if rows else []

    async def seal_message(self, new: NewMessage) -> Sealed:
        """Encrypt a message; content over 1 MiB is already on disk when this returns, invisible until it is committed.

        Raises: StoreFull or StoreSick, for mail from outside also when free space is below the floor.
        """
        fault = self.fault if new.kind is MessageKind.MAIL else self._writer.fault
        if fault is not None:
            raise type(fault)(*fault.args)
        data_key = new_data_key()
        pieces = self._sealed_pieces(new, data_key)
        size = len(new.body) + len(new.report)
        if size > PIECE_BYTES:
            await self._write_ahead(new.id, pieces)
            kept: tuple[Piece, ...] = ()
        elif size > THREAD_ABOVE_BYTES:
            kept = await asyncio.to_thread(tuple, pieces)
        else:
            kept = tuple(pieces)
        return Sealed(
            new=new,
            owner=self.node,
            master_key_id=self.vault.key_id,
            wrapped_key=self.vault.wrap(new.id, data_key),
            pieces=kept,
        )

    async def seal_messages(self, several: Sequence[NewMessage]) -> list[Sealed]:
        """As `seal_message`, for those of one unit: where one cannot be, what the others wrote ahead is removed."""
        sealed: list[Sealed] = []
        try:
            for new in several:
                sealed.append(await self.seal_message(new))
                await asyncio.sleep(0)  # small ones wait for nothing, and a hundred of them are too long for the loop
        except BaseException:  # cancelled too
            for one in sealed:
                if one.new.id in self._ahead:
                    self._drop_later(one.new.id)
            raise
        return sealed

    async def discard(self, queue_id: str) -> None:
        """Remove what was written ahead of a sealed message that nobody will try to commit.

        A commit that fails does so by itself.
        """
        self._ahead.discard(queue_id)
        await self._writer.commit(Unit(changes=(drop_pieces(queue_id),)))

    def _sealed_pieces(self, new: NewMessage, data_key: bytes) -> Iterator[Piece]:
        for name, data in ((BODY, new.body), (REPORT, new.report)):
            part = Part(message_id=new.id, name=name, data=data)
            yield from seal_part(part, data_key, self.vault.key_id)

    async def _write_ahead(self, queue_id: str, pieces: Iterator[Piece]) -> None:
        """One piece a unit, so that a large message never stalls the group commit of small ones."""
        self._ahead.add(queue_id)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                await self._writer.commit(Unit(changes=(Change(Op.INSERT_CONTENT, piece),)))
        except BaseException:  # cancelled too
            self._drop_later(queue_id)
            raise

    def _drop_later(self, queue_id: str) -> None:
        """Give the space back as soon as the store can write; what is left at a stop is swept by the next start.

        The writer keeps order, so the removal follows the last piece.
        """
        self._ahead.discard(queue_id)
        task = asyncio.create_task(self._drop(queue_id))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _drop(self, queue_id: str) -> None:
        with suppress(StoreError):
            await self.settle(Unit(changes=(drop_pieces(queue_id),)))


def _messages_in(unit: Unit) -> set[str]:
    return {change.row["id"] for change in unit.changes if change.op is Op.INSERT_MESSAGE}
