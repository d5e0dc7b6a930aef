"""A register in memory: one reading for all who ask at once, never older than the register."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import people
from gateway.store.kept import Kept
from gateway.store.people import Person
from gateway.store.store import Store
from gateway.store.tables import person
from tests.gateway.store.parts import NOW

NURSE = Person(address="nurse@clinic.example", password_hash="$argon2id$1", role="user", created_at=NOW)


class Reader:
    """Counts people, and how often it was asked."""

    readings = 0

    async def __call__(self, conn: AsyncConnection) -> int:
        self.readings += 1
        return int((await conn.execute(sa.select(sa.func.count()).select_from(person))).scalar_one())


async def test_many_who_ask_at_once_wait_for_one_reading(store: Store) -> None:
    read = Reader()
    kept = Kept(store, read)
    assert await asyncio.gather(*(kept.current() for _ in range(50))) == [0] * 50
    await people.add(store, NURSE, events=())
    assert await asyncio.gather(*(kept.current() for _ in range(50))) == [1] * 50
    assert read.readings == 2


async def test_a_change_during_a_reading_is_seen_by_the_next(store: Store) -> None:
    """Nobody is told of a register that was older than his question."""
    reached, gate = asyncio.Event(), asyncio.Event()

    async def slow(conn: AsyncConnection) -> int:
        found = int((await conn.execute(sa.select(sa.func.count()).select_from(person))).scalar_one())
        reached.set()
        await gate.wait()
        return found

    kept = Kept(store, slow)
    first = asyncio.create_task(kept.current())
    await reached.wait()
    await people.add(store, NURSE, events=())
    second = asyncio.create_task(kept.current())
    gate.set()
    assert (await first, await second) == (0, 1)


async def test_a_reading_that_fails_is_tried_again(store: Store) -> None:
    failures = iter([True, False])

    async def shaky(conn: AsyncConnection) -> str:
        if next(failures):
            raise ValueError
        return "read"

    kept = Kept(store, shaky)
    (failed,) = await asyncio.gather(kept.current(), return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert await kept.current() == "read"
