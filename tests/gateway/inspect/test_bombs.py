"""Bombs in the real inspector, with 5 s of a processor and 512 MiB."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from gateway.inspect.inspector import UNREAD, Inspector, inspector_pool
from gateway.workers.limits import MIB, Limits
from gateway.workers.pool import ChildPool
from tests.policy.phi.files.test_archive import BOMBS
from tests.policy.phi.messages import attachment, multipart, text_part

pytestmark = pytest.mark.slow
HEAVY: Final = ("zeros", "overlap", "42.zip", "tar", "stored paragraphs", "a long word", "documents")


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    """One real inspector with little memory and time."""
    pool = inspector_pool(1, limits=Limits(memory_bytes=512 * MIB, wall_s=15, cpu_s=5))
    await pool.start()
    yield pool
    await pool.stop()


@pytest.mark.alone
async def test_no_bomb_kills_an_inspector(pool: ChildPool) -> None:
    """AB-01, AB-07: each is told as unreadable by an inspector that lives on; none costs more than its limits."""
    for name in HEAVY:
        message = multipart([text_part("hi"), attachment(BOMBS[name](), kind="application/zip")])
        report = await Inspector(pool).inspect(message, subject_tags=())
        assert report.uninspectable, name
        assert report is not UNREAD, name
    assert pool.deaths == 0
