"""The child that reads what has to be 7-bit: real processes, an honest one and one that was taken over."""

from collections.abc import AsyncIterator

import pytest

from gateway.inspect.converter import Converter, convert_pool
from gateway.inspect.eightbit import NoSevenBitForm, Obstacle
from gateway.message.sevenbit import is_seven_bit
from gateway.workers.errors import PoolUnavailable
from gateway.workers.pool import ChildPool

pytestmark = pytest.mark.slow
MESSAGE = "From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüezi mitenand".encode()


async def of(pool: ChildPool) -> AsyncIterator[ChildPool]:
    yield pool
    await pool.stop()


@pytest.fixture
async def honest() -> AsyncIterator[ChildPool]:
    async for pool in of(convert_pool()):
        yield pool


@pytest.fixture
async def liar() -> AsyncIterator[ChildPool]:
    async for pool in of(convert_pool(module="tests.gateway.inspect.convert_liar")):
        yield pool


async def test_a_child_starts_with_the_first_conversion(honest: ChildPool) -> None:
    """SM-19: most installations never need one. The structure is read there, behind closed doors."""
    converter = Converter(honest)
    assert honest.alive == 0
    made = await converter.to_seven_bit(MESSAGE + b"\r\n")
    assert honest.alive == 1
    assert is_seven_bit(made)
    assert b"Gr=C3=BCezi" in made
    assert await converter.to_seven_bit(made) == made
    with pytest.raises(NoSevenBitForm) as raised:
        await converter.to_seven_bit("Subject: é\r\n\r\n".encode())
    assert raised.value.obstacle is Obstacle.HEADER


@pytest.mark.parametrize("word", [b"nothing", b"a field", b"the body", b"own words", b"crash"])
async def test_a_child_that_was_taken_over_writes_no_mail(liar: ChildPool, word: bytes) -> None:
    """SM-19: no plan of its makes 8-bit octets pass or a field go, and it has no words of its own."""
    with pytest.raises(NoSevenBitForm) as raised:
        await Converter(liar).to_seven_bit(MESSAGE + b"\r\n" + word)
    assert raised.value.obstacle is Obstacle.UNCLEAR


async def test_no_child_can_start() -> None:
    """Then it is later: PoolUnavailable says nothing about the message."""
    pool = convert_pool(module="tests.gateway.workers.stillborn")
    try:
        with pytest.raises(PoolUnavailable):
            await Converter(pool).to_seven_bit(MESSAGE)
    finally:
        await pool.stop()
