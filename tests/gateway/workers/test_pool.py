"""The pool survives its children: one death fails one job (RX-12, QD-19, MP-15)."""

import asyncio
import itertools
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import uvloop

from gateway.workers.errors import ChildCrashed, ChildTimeout, PoolUnavailable, WorkerError
from gateway.workers.frames import HEADER_MAX, INLINE_MAX
from gateway.workers.pool import LONGEST_PAUSE_S, ChildPool, next_pause
from gateway.workers.process import Child
from tests.gateway.workers.conftest import HANDLERS, LIMITS, OpenPool

pytestmark = pytest.mark.slow
ROOT: Final = Path(__file__).parents[3]


def is_running(pid: int) -> bool:
    """Whether a process is there, a zombie included."""
    return Path(f"/proc/{pid}").exists()


def open_descriptors() -> int:
    """How many files and sockets we hold."""
    return len(list(Path("/proc/self/fd").iterdir()))


def child_commands() -> list[bytes]:
    """The command lines of our children."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]


async def wait_for_all(pool: ChildPool) -> None:
    """Let time pass, job by job, until every child of a pool is up."""
    async with asyncio.timeout(20):
        while pool.alive < pool.size:
            await pool.call(b"echo", b"")


@pytest.mark.parametrize("size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 30_000_000])
async def test_blob_comes_back_whole(open_pool: OpenPool, size: int) -> None:
    """Inline and by memory file, at the border and far beyond."""
    pool = await open_pool()
    blob = os.urandom(size)
    assert await pool.call(b"echo", blob) == blob


@pytest.mark.parametrize("deed", ["segfault", "memory", "garbage", "oversize", "exit", "raise"])
async def test_misbehaving_job_fails_alone(open_pool: OpenPool, deed: str) -> None:
    """MP-15, AB-05: a crash, 10 GB, a broken or oversize answer, an exit, an error: only this job fails."""
    pool = await open_pool()
    first = await pool.call(b"pid", b"")
    with pytest.raises(ChildCrashed):
        await pool.call(deed.encode(), b"")
    assert await pool.call(b"pid", b"") != first
    assert pool.deaths == 1


@pytest.mark.parametrize("deed", ["loop", "sleep"])
async def test_wedged_job_is_killed(open_pool: OpenPool, deed: str) -> None:
    """QD-19, AB-05: a job that loops or blocks for ever ends at the wall-clock limit."""
    pool = await open_pool(wall_s=0.2)
    with pytest.raises(ChildTimeout):
        await pool.call(deed.encode(), b"")
    assert await pool.call(b"echo", b"next") == b"next"


async def test_answer_that_makes_no_sense(open_pool: OpenPool) -> None:
    """A child whose answers are well framed but not what the room expects is replaced too."""
    pool = await open_pool(accepts=lambda answer: answer != b"nonsense")
    first = await pool.call(b"pid", b"")
    with pytest.raises(ChildCrashed):
        await pool.call(b"echo", b"nonsense")
    assert await pool.call(b"pid", b"") != first


async def test_loop_ends_by_processor_time(open_pool: OpenPool) -> None:
    """AB-05: the kernel ends a loop by itself, should the parent be too busy to look at the clock."""
    pool = await open_pool(cpu_s=1)
    with pytest.raises(ChildCrashed):
        await pool.call(b"loop", b"")


async def test_error_text_holds_no_content(open_pool: OpenPool) -> None:
    """Invariant 4: what a handler raised stays in the child."""
    pool = await open_pool()
    with pytest.raises(ChildCrashed) as caught:
        await pool.call(b"raise", b"secret words")
    assert "secret" not in repr(caught.value)


async def test_kill_from_outside_fails_one_job(open_pool: OpenPool) -> None:
    """kill -9 in the middle of a job: exactly that job fails, its neighbours and those in line finish."""
    pool = await open_pool(2)
    await wait_for_all(pool)
    victim = asyncio.create_task(pool.call(b"sleep", b""))
    others = [asyncio.create_task(pool.call(b"pid", b"")) for _ in range(50)]
    good_pid = int(await others[0])
    for pid in pool.pids():
        if pid != good_pid:
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildCrashed):
        await victim
    assert len(await asyncio.gather(*others)) == 50
    assert pool.deaths == 1


async def test_idle_child_may_die(open_pool: OpenPool) -> None:
    """A child that is killed while it has nothing to do costs no job."""
    pool = await open_pool()
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    answer = asyncio.create_task(pool.call(b"pid", b""))
    try:
        assert int(await answer) != pid
    except ChildCrashed:  # its death was not seen yet
        assert int(await pool.call(b"pid", b"")) != pid


async def test_children_ignore_polite_signals(open_pool: OpenPool) -> None:
    """The gateway ends its children; a SIGTERM to the whole control group does not."""
    pool = await open_pool()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pool.pids()[0], number)
    assert await pool.call(b"pid", b"") == str(pool.pids()[0]).encode()
    assert pool.deaths == 0


async def test_child_is_replaced_after_its_jobs(open_pool: OpenPool) -> None:
    """A child's life is bounded even when it behaves, and its end is no death."""
    pool = await open_pool(jobs=3)
    pids = [await pool.call(b"pid", b"") for _ in range(7)]
    assert [len(list(group)) for _pid, group in itertools.groupby(pids)] == [3, 3, 1]
    assert pool.deaths == 0


async def test_fresh_child_has_done_nothing(open_pool: OpenPool) -> None:
    """Invariant 5: the second try runs in a process that no message has touched."""
    pool = await open_pool()
    old = await pool.call(b"pid", b"")
    with pytest.raises(ChildCrashed):
        await pool.call(b"exit", b"")
    fresh = await pool.call(b"pid", b"", is_fresh=True)
    assert fresh != old


async def test_cancelled_caller_leaves_the_child_at_work(open_pool: OpenPool) -> None:
    """A client that hangs up must not be able to make us start processes."""
    pool = await open_pool()
    pid = await pool.call(b"pid", b"")
    call = asyncio.create_task(pool.call(b"length", bytes(1000)))
    await asyncio.sleep(0)
    call.cancel()
    assert await pool.call(b"pid", b"") == pid
    assert pool.deaths == 0


async def test_cancelled_large_call_leaks_nothing(open_pool: OpenPool) -> None:
    """The memory file of a call that was given up while it was written is closed, and the child is free again."""
    pool = await open_pool()
    await pool.call(b"length", bytes(1_000_000))
    before = open_descriptors()
    for _ in range(5):
        call = asyncio.create_task(pool.call(b"length", bytes(1_000_000)))
        await asyncio.sleep(0)
        call.cancel()
    assert await pool.call(b"length", bytes(1_000_000)) == b"1000000"
    assert open_descriptors() == before


async def test_longest_wait_is_served_first(open_pool: OpenPool) -> None:
    """Fair waiting: the line is first in, first out."""
    pool = await open_pool()
    order: list[int] = []

    async def job(number: int) -> None:
        await pool.call(b"echo", b"")
        order.append(number)

    await asyncio.gather(*(job(number) for number in range(20)))
    assert order == list(range(20))


async def test_line_is_bounded(open_pool: OpenPool) -> None:
    """RX-12: one call more than may wait is refused at once."""
    pool = await open_pool(waiting=2, wall_s=1)
    calls = [asyncio.create_task(pool.call(b"sleep", b"")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(PoolUnavailable, match="too many"):
        await pool.call(b"echo", b"")
    for call in calls:
        call.cancel()


async def test_child_that_cannot_start_is_said(open_pool: OpenPool) -> None:
    """Invariant 5: when no child can start, callers learn it at once."""
    pool = await open_pool(2, module="tests.gateway.workers.stillborn")
    with pytest.raises(PoolUnavailable):
        await pool.call(b"echo", b"")


async def test_stop_leaves_no_process(open_pool: OpenPool) -> None:
    """Calls under way and waiting ones fail, and every child is gone, wedged ones too."""
    pool = await open_pool(2)
    await wait_for_all(pool)
    calls = [asyncio.create_task(pool.call(b"loop", b"")) for _ in range(4)]
    await asyncio.sleep(0)
    pids = pool.pids()
    await pool.stop()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, WorkerError) for result in results)
    assert not any(is_running(pid) for pid in pids)


async def test_a_cancelled_burial_leaves_no_process() -> None:
    """The pool is stopped while it waits for the end of a child that crashed."""
    child = Child(LIMITS, lambda _: None, lambda _: True)
    await child.start(HANDLERS)
    burial = asyncio.create_task(child.stop())
    await asyncio.sleep(0)
    burial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await burial
    assert not is_running(child.pid)


async def test_stop_while_starting() -> None:
    """A pool that is stopped before its children are up leaves none behind either."""
    pool = ChildPool(HANDLERS, 2, LIMITS, "test")
    start = asyncio.create_task(pool.start())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await pool.stop()
    start.cancel()
    assert not any(b"gateway.workers.handlers" in command for command in child_commands())


async def test_loop_stays_quick(open_pool: OpenPool) -> None:
    """RX-12: while children burn processor time and large messages go to and fro, the loop answers within 100 ms."""
    pool = await open_pool(2, wall_s=1)
    blob = bytes(8_000_000)
    jobs = [asyncio.create_task(pool.call(b"loop", b""))]
    jobs += [asyncio.create_task(pool.call(b"length", blob)) for _ in range(20)]
    loop = asyncio.get_running_loop()
    worst = 0.0
    while not all(job.done() for job in jobs):
        before = loop.time()
        await asyncio.sleep(0.005)
        worst = max(worst, loop.time() - before - 0.005)
    await asyncio.gather(*jobs, return_exceptions=True)
    assert worst < 0.1


async def test_header_is_bounded(open_pool: OpenPool) -> None:
    """A header that does not fit is our own mistake; the child stays free."""
    pool = await open_pool()
    with pytest.raises(ValueError, match="header"):
        await pool.call(bytes(HEADER_MAX + 1), b"")
    assert await pool.call(b"echo", b"x") == b"x"


def test_uvloop_runs_the_pool() -> None:
    """The production loop: its transports are not asyncio's. The answer of a large job, a crash, and the end."""

    async def use() -> tuple[int, int]:
        pool = ChildPool(HANDLERS, 1, LIMITS, "test")
        await pool.start()
        with pytest.raises(ChildCrashed):
            await pool.call(b"segfault", b"")
        small, large = await pool.call(b"echo", bytes(10)), await pool.call(b"echo", bytes(2_000_000))
        await pool.stop()
        return len(small), len(large)

    assert uvloop.run(use()) == (10, 2_000_000)


OWNER: Final = """
import asyncio, sys
from gateway.workers.pool import ChildPool
from gateway.workers.process import Child
from tests.gateway.workers.conftest import HANDLERS, LIMITS

async def own() -> None:
    pool = ChildPool(HANDLERS, 1, LIMITS, "test")
    await pool.start()
    job = asyncio.create_task(pool.call(sys.argv[1].encode(), b""))
    await asyncio.sleep(0)
    print(pool.pids()[0], flush=True)
    await job
    await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.mark.parametrize("deed", ["echo", "loop"])
def test_children_end_with_their_parent(deed: str) -> None:
    """kill -9 of the gateway: idle children see the end of their pipe, busy ones get the parent-death signal."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, deed], stdout=subprocess.PIPE, cwd=ROOT)
    assert owner.stdout is not None
    with owner.stdout:
        child = os.pidfd_open(int(owner.stdout.readline()))
    try:
        owner.kill()
        owner.wait()
        ended, _, _ = select.select([child], [], [], 10)
        assert ended
    finally:
        os.close(child)


def test_pauses_grow_and_end() -> None:
    """Children that die at once are not restarted in a tight loop, nor given up."""
    pauses = list(itertools.accumulate(range(12), lambda pause, _: next_pause(pause), initial=0.0))
    assert pauses == sorted(pauses)
    assert pauses[1] > 0
    assert pauses[-1] == LONGEST_PAUSE_S
