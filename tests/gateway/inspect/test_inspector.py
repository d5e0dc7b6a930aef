"""MP-15: whatever happens to an inspector, the message is protected, never clean."""

from collections.abc import AsyncIterator

import pytest

from gateway.inspect.inspector import UNREAD, Inspector, NoInspector, inspector_pool
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

pytestmark = pytest.mark.slow
BAD_CHILD = "tests.gateway.inspect.bad_child"


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    """One inspector that obeys the message."""
    pool = inspector_pool(1, module=BAD_CHILD, limits=Limits(wall_s=0.5))
    await pool.start()
    yield pool
    await pool.stop()


@pytest.mark.parametrize("attack", [b"crash", b"stall", b"memory", b"nonsense", b"raise"])
async def test_failed_check_is_protected(pool: ChildPool, attack: bytes) -> None:
    """Crash, time-out, out of memory, an answer that is none, an error: tried twice, then protected."""
    inspector = Inspector(pool)
    report = await inspector.inspect(attack, subject_tags=())
    assert report is UNREAD
    assert report.protected
    assert report.uninspectable[0].reason == "content check failed"
    assert not (await inspector.inspect(b"hello", subject_tags=())).protected
    assert pool.deaths == 2


async def test_message_that_kills_once_is_read_by_the_second(pool: ChildPool) -> None:
    """Invariant 5: the retry runs in a fresh process, which the fault of a worn one does not touch."""
    inspector = Inspector(pool)
    await inspector.inspect(b"hello", subject_tags=())
    report = await inspector.inspect(b"worn", subject_tags=("[secure]",))
    assert report.tagged
    assert not report.protected
    assert pool.deaths == 1


async def test_no_inspector_at_all() -> None:
    """Only when none can start is the client told to come back (451)."""
    pool = inspector_pool(1, module="tests.gateway.workers.stillborn")
    await pool.start()
    try:
        with pytest.raises(NoInspector):
            await Inspector(pool).inspect(b"hello", subject_tags=())
    finally:
        await pool.stop()


async def test_stopped_pool_is_no_inspector(pool: ChildPool) -> None:
    """A message that comes while we stop stays with its client."""
    await pool.stop()
    with pytest.raises(NoInspector):
        await Inspector(pool).inspect(b"hello", subject_tags=())
