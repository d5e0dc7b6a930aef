"""A pool of child processes: each call goes to one idle child, and one death fails one call.

How this works: every slot of the pool has a keeper, a task that starts a child, waits for its end, and starts the next,
with growing pauses while children die before they finish a job. Callers take an idle child or wait in line; whoever
waits longest is served first. `ProcessPoolExecutor` is not used: it fails every job when one worker dies, and forks us.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.log import get_logger
from gateway.workers.errors import ChildCrashed, PoolUnavailable, WorkerError
from gateway.workers.limits import Limits
from gateway.workers.process import Child

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0


def next_pause(pause_s: float) -> float:
    """The pause after one more child that did no work: twice the last, within bounds."""
    return min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, pause_s * 2))


class ChildPool:
    """`size` children that run `python -m module`, each within `limits`.

    name: for the log. accepts: tells whether an answer is well-formed; a child that gives another one is replaced.
    setup: what each child reads before it closes its doors (`workers.child.read_setup`); it may hold secrets.
    """

    def __init__(
        self,
        module: str,
        size: int,
        limits: Limits,
        name: str,
        *,
        accepts: Callable[[bytes], bool] = lambda _: True,
        setup: bytes = b"",
    ) -> None:
        self.name = name
        self.module = module
        self.size = size
        self.limits = limits
        self._accepts = accepts
        self._setup = setup
        self.deaths = 0  # children that ended before their time, since the start
        self._log = get_logger("workers").bind(pool=name)
        self._children: set[Child] = set()
        self._idle: deque[Child] = deque()
        self._waiting: deque[asyncio.Future[Child]] = deque()
        self._waiting_fresh: deque[asyncio.Future[Child]] = deque()
        self._failing: set[int] = set()  # slots whose last start failed
        self._keepers: set[asyncio.Task[None]] = set()
        self._settled: asyncio.Event = asyncio.Event()  # a child is there, or none can start
        self._open = False

    @property
    def alive(self) -> int:
        """How many children are up."""
        return len(self._children)

    @property
    def held(self) -> frozenset[str]:
        """The layers of confinement that hold in every living child."""
        layers = [set(child.held) for child in self._children]
        return frozenset(set.intersection(*layers)) if layers else frozenset()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the living children."""
        return tuple(child.pid for child in self._children)

    async def start(self) -> None:
        """Start all children; returns when the first is ready, or when it is clear that none can start."""
        self._open = True
        self._keepers = {asyncio.create_task(self._keep(slot), name=f"{self.name}-{slot}") for slot in range(self.size)}
        await self._settled.wait()

    async def stop(self) -> None:
        """End every child, at work or not; calls under way and waiting ones fail. No process is left behind."""
        self._open = False
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._refuse_all("the pool is stopping")

    async def call(self, header: bytes, blob: bytes, *, is_fresh: bool = False) -> bytes:
        """Run one job.

        header, blob: what the handler of the module gets. is_fresh: insist on a child that has done no job yet.
        Returns: the handler's answer, at most `limits.answer_bytes`.
        Raises: ChildCrashed, ChildTimeout (the job may have killed its child), PoolUnavailable (it never began).
        """
        child = await self._take(is_fresh=is_fresh)
        try:
            answer = await child.give(header, blob)
        except OSError:
            self._offer(child)
            raise ChildCrashed("no memory to hand the job over") from None
        except BaseException:
            self._offer(child)
            raise
        return await answer

    async def _take(self, *, is_fresh: bool) -> Child:
        """An idle child, now or when it is our turn. Raises: PoolUnavailable."""
        if not self._open or (not self._children and len(self._failing) == self.size):
            raise PoolUnavailable(f"no {self.name} child can start")
        for child in tuple(self._idle):
            if child.is_idle and not (is_fresh and child.jobs):
                self._idle.remove(child)
                return child
        if len(self._waiting) + len(self._waiting_fresh) >= self.limits.waiting:
            raise PoolUnavailable(f"too many jobs wait for the {self.name} pool")
        turn: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        (self._waiting_fresh if is_fresh else self._waiting).append(turn)
        try:
            if not is_fresh:
                return await turn
            async with asyncio.timeout(self.limits.start_s + self.limits.wall_s):
                return await turn
        except BaseException as stop:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._offer(turn.result())  # it was ours for a moment
            if isinstance(stop, TimeoutError):
                raise PoolUnavailable(f"no fresh {self.name} child came up") from None
            raise

    def _offer(self, child: Child) -> None:
        """Give an idle child to who waits longest, or put it on the bench; one that is worn out retires."""
        if not child.is_idle or child not in self._children:
            return
        if child.jobs >= self._life(child):
            child.retire()
            return
        lines = (self._waiting_fresh, self._waiting) if not child.jobs else (self._waiting,)
        for line in lines:
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(child)
                    return
        self._idle.append(child)

    def _life(self, child: Child) -> int:
        """Jobs until a child is replaced, spread by its process id so that not all are replaced at once."""
        return max(1, self.limits.jobs - child.pid % max(1, self.limits.jobs // 4))

    async def _keep(self, slot: int) -> None:
        """Keep one slot filled for as long as the pool is open."""
        pause_s = 0.0
        while True:
            child = Child(self.limits, self._offer, self._accepts)
            try:
                await child.start(self.module, self._setup)
            except (WorkerError, OSError) as why:
                self._start_failed(slot, why)
                pause_s = next_pause(pause_s)
                await asyncio.sleep(pause_s)
                continue
            try:
                blame = await self._tend(slot, child)
            finally:
                await self._bury(child)
            pause_s = next_pause(pause_s) if blame is not None and not child.jobs else 0.0
            await asyncio.sleep(pause_s)

    async def _tend(self, slot: int, child: Child) -> WorkerError | None:
        """Let a new child work until it is over. Returns: what it is to blame for, None when it retired."""
        self._failing.discard(slot)
        self._children.add(child)
        self._settled.set()
        self._offer(child)
        blame = await asyncio.shield(child.over)
        if blame is not None:
            self.deaths += 1
            self._log.warning("child_ended", pid=child.pid, jobs=child.jobs, why=str(blame))
        return blame

    async def _bury(self, child: Child) -> None:
        self._children.discard(child)
        with contextlib.suppress(ValueError):
            self._idle.remove(child)
        await child.stop()

    def _start_failed(self, slot: int, why: Exception) -> None:
        self._failing.add(slot)
        hint = f"run `python -m {self.module}` to see what it lacks"
        self._log.error("child_start_failed", module=self.module, why=str(why), hint=hint)
        if not self._children and len(self._failing) == self.size:
            self._settled.set()
            self._refuse_all(f"no {self.name} child can start")

    def _refuse_all(self, why: str) -> None:
        for line in (self._waiting_fresh, self._waiting):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_exception(PoolUnavailable(why))
