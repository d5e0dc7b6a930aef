"""The child that finds bodies and values: real processes behind closed doors, an honest one and one taken over."""

from collections.abc import AsyncIterator

import pytest

from gateway.inspect.editor import Editor, edit_pool
from gateway.message.bodyedit import BodyEditError, Obstacle
from gateway.workers.errors import PoolUnavailable
from gateway.workers.pool import ChildPool
from policy.phi.custom.detect import Custom
from policy.phi.report import Kind

pytestmark = pytest.mark.slow
MESSAGE = b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>SSN: 219-09-9999, LK-0042317</p>\r\n"


async def of(pool: ChildPool) -> AsyncIterator[ChildPool]:
    yield pool
    await pool.stop()


@pytest.fixture
async def honest() -> AsyncIterator[ChildPool]:
    async for pool in of(edit_pool(custom=Custom(mrn_shapes=("LK-\\d{7}",)))):
        yield pool


@pytest.fixture
async def liar() -> AsyncIterator[ChildPool]:
    async for pool in of(edit_pool(module="tests.gateway.inspect.edit_liar")):
        yield pool


async def test_a_child_starts_with_the_first_edit(honest: ChildPool) -> None:
    """It knows the organisation's own shapes, and what it cannot do it says in one of a few sentences."""
    editor = Editor(honest)
    assert honest.alive == 0
    edited = await editor.edit(MESSAGE, below=["Bye & thanks"], kinds=[Kind.SSN, Kind.MRN])
    assert honest.alive == 1
    assert b"SSN: [ssn removed], [mrn removed]" in edited.data
    assert b"Bye &amp; thanks" in edited.data
    assert edited.masked == {Kind.SSN: 1, Kind.MRN: 1}
    with pytest.raises(BodyEditError) as raised:
        await editor.edit(MESSAGE.replace(b"<p>", b"<!--"), below=["Bye"], kinds=[])
    assert raised.value.obstacle is Obstacle.UNSEEN


@pytest.mark.parametrize("word", [b"nothing", b"beyond", b"other kind", b"own words", b"crash"])
async def test_a_child_that_was_taken_over_writes_no_mail(liar: ChildPool, word: bytes) -> None:
    """It can name places and kinds that were asked for, and nothing else."""
    with pytest.raises(BodyEditError) as raised:
        await Editor(liar).edit(MESSAGE + word, below=["Bye"], kinds=[Kind.SSN])
    assert raised.value.obstacle is Obstacle.UNCLEAR


async def test_no_child_can_start() -> None:
    """Then it is later: PoolUnavailable says nothing about the message."""
    pool = edit_pool(module="tests.gateway.workers.stillborn")
    try:
        with pytest.raises(PoolUnavailable):
            await Editor(pool).edit(MESSAGE, below=["Bye"], kinds=[])
    finally:
        await pool.stop()
