"""The one writer: a task that turns units from many callers into few transactions on the only writing connection.

How this works: callers queue units (a bounded queue) and await a shielded future, so that a client that hangs up cannot
cancel a commit (QD-04, QD-11). The task takes what is there and hands it to the database in one piece. A batch that
fails by one unit's own fault is rolled back and replayed unit by unit. When the surroundings fail (full disk, I/O
error, locked or missing file, lost connection), the batch fails, the store is sick, everything is refused at once, and
a probe writes until writing works again (QD-06, QD-07, QD-10). A commit whose answer was lost is neither done nor
failed: its callers wait until the database, once it is back, says what became of it (QD-16).

After content was destroyed the writer has the database tidied within `SHRED_DELAY_S` (KY-06); a reader in the way
postpones that, never prevents it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.log import get_logger
from gateway.store.database import CommitUnknown, Database, EventsOf, T, Work
from gateway.store.errors import StoreClosed, StoreError, StoreSick
from gateway.store.faults import EnvironmentFault, environment_fault
from gateway.store.statements import SHREDS, Unit

UNITS_WAITING: Final = 1024  # callers beyond it wait for room: back-pressure, not memory
BATCH_UNITS: Final = 64
BATCH_BYTES: Final = 4 * 1024 * 1024
SHRED_DELAY_S: Final = 1.0
PROBE_FIRST_S: Final = 0.25
PROBE_LONGEST_S: Final = 5.0
NOT_THERE: Final = "the connection to the database was lost in a commit, which is not known to have been done"
LAST_CHANCE_S: Final = 3.0  # at a stop, for a commit without an answer; then its callers are told that it is unknown

log = get_logger("store")


@dataclass(frozen=True, slots=True, eq=False)
class _Commit:
    """One unit, and who waits for it."""

    unit: Unit
    done: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """Something that needs the connection for itself; `run` never raises."""

    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Doubt:
    """A commit without an answer. was_committed: of `CommitUnknown`. tell: gets whether it is there, once known."""

    was_committed: Callable[[], Awaitable[bool]]
    tell: Callable[[bool], None]


class Writer:
    """The only one that writes to the database; made and closed by `Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._doubts: list[_Doubt] = []
        self._jobs: deque[_Commit | _Alone] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(UNITS_WAITING)
        self._fault: EnvironmentFault | None = None
        self._healthy = asyncio.Event()
        self._healthy.set()
        self._probe_delay_s = PROBE_FIRST_S
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closed = False
        self.registers_revision = 0  # moves with every transaction of `transact` that may change one
        self.registers_changed_at = datetime.now(UTC)
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

    async def transact(self, work: Work[T], events: EventsOf[T] | None, *, is_register: bool = True) -> T:
        """Run rare work in a transaction of its own, with its events. Raises: what work raises, and as `commit`.

        is_register: it may change a register, so what is kept of those in memory is read anew.
        """
        done: asyncio.Future[T] = await self._enter()

        def succeed(result: T) -> None:
            if is_register:
                self.registers_revision += 1
                self.registers_changed_at = datetime.now(UTC)
            done.set_result(result)

        async def run() -> None:
            try:
                self._check_writable()
                succeed(await self._database.transact(work, events))
            except CommitUnknown as unknown:
                result: T = unknown.result
                self._wait_for(unknown, lambda there: succeed(result) if there else done.set_exception(_not_there()))
            except Exception as error:  # the caller gets it
                done.set_exception(self._note(error) or error)

        self._put(_Alone(run))
        return await asyncio.shield(done)

    async def close(self) -> None:
        """Refuse new work, finish what was queued, tidy the database, and end."""
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
        await self._decide(is_last_chance=True)
        await self._tidy()

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
            self._check_writable()
            await self._database.write(units)
        except CommitUnknown as unknown:
            self._wait_for(unknown, lambda there: self._told(batch) if there else _failed(batch, _not_there()))
            return
        except Exception as error:  # the callers get it
            fault = self._note(error)
            if fault is None and len(batch) > 1:
                for job in batch:
                    await self._write([job])
                return
            _failed(batch, fault or error)
            return
        self._told(batch)

    def _told(self, batch: list[_Commit]) -> None:
        """A batch is durable."""
        for job in batch:
            job.done.set_result(None)
        if any(change.op in SHREDS for job in batch for change in job.unit.changes):
            self.tidy_soon()

    def tidy_soon(self) -> None:
        """Have what was destroyed cut away within `SHRED_DELAY_S` (KY-06)."""
        self._later("tidy", SHRED_DELAY_S, self._tidy)

    def _check_writable(self) -> None:
        """A missing file stops all writing; the floor under free space only stops new mail, at `Store.accepting`."""
        if self._fault is not None:
            raise _copy(self._fault)
        fault = self._database.fault()
        if isinstance(fault, StoreSick):
            raise _copy(fault)

    def _wait_for(self, unknown: CommitUnknown, tell: Callable[[bool], None]) -> None:
        """Nothing is written before it is known what became of a commit (QD-16)."""
        self._doubts.append(_Doubt(unknown.was_committed, tell))
        self._note(StoreSick("the connection to the database was lost in a commit"))

    async def _decide(self, *, is_last_chance: bool = False) -> None:
        """Ask for each commit without an answer. Raises: StoreSick while that cannot be told, but for a last chance."""
        while self._doubts:
            doubt = self._doubts[0]
            try:
                async with asyncio.timeout(LAST_CHANCE_S if is_last_chance else None):
                    is_there = await doubt.was_committed()
            except (StoreError, TimeoutError):
                if not is_last_chance:
                    raise
                is_there = False
            doubt.tell(is_there)
            del self._doubts[0]

    def _note(self, error: Exception) -> EnvironmentFault | None:
        """Fall sick when the surroundings are at fault."""
        fault = environment_fault(error)
        if fault is not None and self._fault is None:
            self._fault = fault
            self._healthy.clear()
            log.error("store cannot be written, new mail is refused", why=str(fault))
            self._later("probe", self._probe_delay_s, self._probe)
        return fault

    async def _probe(self) -> None:
        """Write, allocate and sync as real work would; recover when that works, else try again later."""
        try:
            fault = self._database.fault()
            if isinstance(fault, StoreSick):
                raise _copy(fault)
            await self._decide()
            await self._database.probe()
        except Exception as error:  # still sick, whatever it is
            self._fault = environment_fault(error) or self._fault
            self._probe_delay_s = min(2 * self._probe_delay_s, PROBE_LONGEST_S)
            self._later("probe", self._probe_delay_s, self._probe)
            return
        self._fault = None
        self._probe_delay_s = PROBE_FIRST_S
        self._healthy.set()
        log.warning("store can be written again")

    async def _tidy(self) -> None:
        """Have what was destroyed cut away; again later when a reader is in the way."""
        try:
            is_done = await self._database.tidy()
        except Exception:  # a sick store: the probe deals with it
            is_done = False
        if not is_done:
            self.tidy_soon()

    def _later(self, name: str, delay_s: float, run: Callable[[], Awaitable[None]]) -> None:
        """Queue `run` once after the delay; a second request meanwhile changes nothing."""
        if name in self._timers:
            return

        def fire() -> None:
            del self._timers[name]
            self._put(_Alone(run))

        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, fire)


def _failed(batch: list[_Commit], error: Exception) -> None:
    """Nothing of a batch was written."""
    for job in batch:
        job.done.set_exception(_copy(error) if isinstance(error, EnvironmentFault) else error)


def _not_there() -> StoreSick:
    return StoreSick(NOT_THERE)


def _copy(fault: EnvironmentFault) -> EnvironmentFault:
    """A fresh exception for each caller, so that tracebacks do not pile up on one."""
    return type(fault)(*fault.args)
