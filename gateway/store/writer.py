"""The one writer: a task that turns units from many callers into few transactions on the only writing connection.

How this works: callers queue units (a bounded queue) and await a shielded future, so that a client that hangs up cannot
cancel a commit (QD-04, QD-11). The task takes what is there and hands it to the connection's thread in one piece: one
executemany for each statement, then the audit events, then the commit, so one hop and one fsync for all. A batch that
fails by one unit's own fault is rolled back and replayed unit by unit. When the surroundings fail (full disk, I/O
error, locked or missing file), the batch fails, the store is sick, everything is refused at once, and a probe writes
until writing works again (QD-06, QD-07, QD-10).

After content was destroyed the writer truncates the WAL within `SHRED_DELAY_S`, so that no old page keeps the key
(KY-06); a reader in the way postpones that, never prevents it.
"""

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.message.event import Event
from gateway.store import sequencer
from gateway.store.batch import run_changes
from gateway.store.disk import Disk
from gateway.store.engines import WriterConnection, truncate_wal
from gateway.store.errors import StoreClosed, StoreError, StoreSick
from gateway.store.faults import EnvironmentFault, environment_fault
from gateway.store.sequencer import Head
from gateway.store.statements import SHREDS, Unit
from gateway.store.tables import content

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]
EventsOf = Callable[[T], Sequence[Event]]

UNITS_WAITING: Final = 1024  # callers beyond it wait for room: back-pressure, not memory
BATCH_UNITS: Final = 64
BATCH_BYTES: Final = 4 * 1024 * 1024
SHRED_DELAY_S: Final = 1.0
PROBE_FIRST_S: Final = 0.25
PROBE_LONGEST_S: Final = 5.0
PROBE_BYTES: Final = 64 * 1024  # enough to need new pages in file and WAL
PROBE_ID: Final = "probe"


@dataclass(frozen=True, slots=True, eq=False)
class _Commit:
    """One unit, and who waits for it."""

    unit: Unit
    done: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """Something that needs the connection for itself; `run` never raises."""

    run: Callable[[], Awaitable[None]]


class Writer:
    """Owns the writing connection and the head of the audit log; made and closed by `Store`."""

    def __init__(self, engine: AsyncEngine, driver: WriterConnection, disk: Disk, head: Head) -> None:
        """driver: the one connection of the engine."""
        self._engine = engine
        self._driver = driver
        self._disk = disk
        self._head = head
        self._jobs: deque[_Commit | _Alone] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(UNITS_WAITING)
        self._fault: EnvironmentFault | None = None
        self._healthy = asyncio.Event()
        self._healthy.set()
        self._probe_delay_s = PROBE_FIRST_S
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closed = False
        self.registers_revision = 0  # moves with every transaction of `transact`
        self._task = asyncio.create_task(self._run(), name="store writer")

    @property
    def fault(self) -> EnvironmentFault | None:
        """Why nothing can be written now, or None."""
        return self._fault

    @property
    def closed(self) -> bool:
        return self._closed

    async def wait_healthy(self) -> None:
        await self._healthy.wait()

    async def commit(self, unit: Unit) -> None:
        """Durable when it returns. Raises: StoreFull, StoreSick, StoreClosed; MissingRow or a constraint's error."""
        done = await self._enter()
        self._put(_Commit(unit, done))
        await asyncio.shield(done)

    async def transact(self, work: Work[T], events: EventsOf[T] | None) -> T:
        """Run rare work in a transaction of its own, with its events. Raises: what work raises, and as `commit`."""
        done: asyncio.Future[T] = await self._enter()

        async def run() -> None:
            try:
                result = await self._transaction(work, events)
                self.registers_revision += 1
                done.set_result(result)
            except Exception as error:  # the caller gets it
                done.set_exception(self._note(error) or error)

        self._put(_Alone(run))
        return await asyncio.shield(done)

    async def close(self) -> None:
        """Refuse new work, finish what was queued, empty the WAL into the database, and end."""
        self._closed = True
        self._wake.set()
        await self._task
        for timer in self._timers.values():
            timer.cancel()

    async def _enter(self) -> "asyncio.Future[Any]":
        """Wait for room in the queue; the future that comes back gives the room back when it is done."""
        self._refuse_if_unable()
        await self._room.acquire()
        try:
            self._refuse_if_unable()
        except StoreError:
            self._room.release()
            raise
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.add_done_callback(self._leave)
        return done

    def _leave(self, done: "asyncio.Future[Any]") -> None:
        self._room.release()
        if not done.cancelled():
            done.exception()  # seen: a caller that was cancelled will not ask

    def _refuse_if_unable(self) -> None:
        if self._closed or self._task.done():
            raise StoreClosed("the store is closed")
        if self._fault is not None:
            raise _copy(self._fault)

    def _put(self, job: _Commit | _Alone) -> None:
        self._jobs.append(job)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            while self._jobs:
                job = self._jobs.popleft()
                if isinstance(job, _Alone):
                    await job.run()
                else:
                    await self._write(self._collect(job))
            if self._closed:
                break
            self._wake.clear()
            await self._wake.wait()
        await self._truncate()

    def _collect(self, first: _Commit) -> list[_Commit]:
        batch, size = [first], first.unit.size
        while self._jobs and len(batch) < BATCH_UNITS:
            job = self._jobs[0]
            if isinstance(job, _Alone) or size + job.unit.size > BATCH_BYTES:
                break
            self._jobs.popleft()
            batch.append(job)
            size += job.unit.size
        return batch

    async def _write(self, batch: list[_Commit]) -> None:
        """Write a batch and tell its callers; never raises."""
        units = [job.unit for job in batch]
        try:
            await self._write_units(units)
        except Exception as error:  # the callers get it
            fault = self._note(error)
            if fault is None and len(batch) > 1:
                for job in batch:
                    await self._write([job])
                return
            for job in batch:
                job.done.set_exception(error if fault is None else _copy(fault))
            return
        for job in batch:
            job.done.set_result(None)
        if any(change.op in SHREDS for unit in units for change in unit.changes):
            self.truncate_soon()

    def truncate_soon(self) -> None:
        """Cut destroyed content out of the WAL within `SHRED_DELAY_S` (KY-06)."""
        self._later("truncate", SHRED_DELAY_S, self._truncate)

    async def _write_units(self, units: Sequence[Unit]) -> None:
        """One transaction; the audit head moves only once the commit has succeeded (AU-07)."""
        self._check_writable()
        head = self._head
        self._head = await self._driver.run(lambda connection: _write(connection, units, head))

    async def _transaction(self, work: Work[T], events: EventsOf[T] | None) -> T:
        """The same for work that is not made of units."""
        self._check_writable()
        async with self._engine.begin() as conn:
            result = await work(conn)
            head, made = self._head, events(result) if events is not None else ()
            head = await self._driver.run(lambda connection: sequencer.append(connection, head, made))
        self._head = head
        return result

    def _check_writable(self) -> None:
        if self._fault is not None:
            raise _copy(self._fault)
        self._check_file()

    def _check_file(self) -> None:
        """A missing file stops all writing; the floor under free space only stops new mail, at `Store.accepting`."""
        fault = self._disk.fault()
        if isinstance(fault, StoreSick):
            raise _copy(fault)

    def _note(self, error: Exception) -> EnvironmentFault | None:
        """Fall sick when the surroundings are at fault."""
        fault = environment_fault(error)
        if fault is not None and self._fault is None:
            self._fault = fault
            self._healthy.clear()
            self._later("probe", self._probe_delay_s, self._probe)
        return fault

    async def _probe(self) -> None:
        """Write, allocate and sync as real work would; recover when that works, else try again later."""
        piece = {"message_id": PROBE_ID, "part": PROBE_ID, "number": 0, "ciphertext": os.urandom(PROBE_BYTES)}
        try:
            self._check_file()
            async with self._engine.begin() as conn:
                await conn.execute(sa.insert(content), piece)
                await conn.execute(sa.delete(content).where(content.c.message_id == PROBE_ID))
        except Exception as error:  # still sick, whatever it is
            self._fault = environment_fault(error) or self._fault
            self._probe_delay_s = min(2 * self._probe_delay_s, PROBE_LONGEST_S)
            self._later("probe", self._probe_delay_s, self._probe)
            return
        self._fault = None
        self._probe_delay_s = PROBE_FIRST_S
        self._healthy.set()

    async def _truncate(self) -> None:
        """Move the WAL into the database and cut it to nothing; again later when a reader is in the way."""
        try:
            is_done = await truncate_wal(self._engine)
        except Exception:  # a sick store: the probe deals with it
            is_done = False
        if not is_done:
            self.truncate_soon()

    def _later(self, name: str, delay_s: float, run: Callable[[], Awaitable[None]]) -> None:
        """Queue `run` once after the delay; a second request meanwhile changes nothing."""
        if name in self._timers:
            return

        def fire() -> None:
            del self._timers[name]
            self._put(_Alone(run))

        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, fire)


def _write(connection: sqlite3.Connection, units: Sequence[Unit], head: Head) -> Head:
    """A batch as one transaction, in the connection's thread. Returns: the head of the audit log after it."""
    connection.execute("BEGIN IMMEDIATE")  # the lock first, so that it never has to be upgraded
    try:
        run_changes(connection, units)
        head = sequencer.append(connection, head, [event for unit in units for event in unit.events])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have ended it already
            connection.execute("ROLLBACK")
        raise
    return head


def _copy(fault: EnvironmentFault) -> EnvironmentFault:
    """A fresh exception for each caller, so that tracebacks do not pile up on one."""
    return type(fault)(*fault.args)
