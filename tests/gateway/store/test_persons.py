"""Persons and links in the store: many at once are a few statements, for mail waits behind them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import persons
from gateway.store.errors import RowRefused
from gateway.store.store import Store
from policy.people import Link, Person, Tie

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MANY = 600  # more than are asked for at once


def person(number: int) -> Person:
    return Person(id=f"id:{number}", majority_at=None, recorded_by="x", recorded_at=NOW)


def link(number: int) -> Link:
    return Link(
        id=f"L{number}", person=f"id:{number}", address=f"p{number}@b.example", tie=Tie.SELF, basis=None,
        verified="seen", from_at=NOW, until_at=None, recorded_by="x", recorded_at=NOW,
    )  # fmt: skip


async def test_many_are_a_few_statements(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one writer stores mail as well: a statement a row kept every 250 waiting for as long as a file is long."""
    asked, execute = list[sa.Executable](), AsyncConnection.execute

    async def count(conn: AsyncConnection, statement: sa.Executable, *more: object, **options: object) -> object:
        asked.append(statement)
        return await execute(conn, statement, *more, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(AsyncConnection, "execute", count)
    await persons.enrol(store, [person(n) for n in range(MANY)], [link(n) for n in range(MANY)], events=())
    assert len(asked) < 20
    async with store.read() as conn:
        assert len(await persons.listing(conn)) == MANY


async def test_some_are_known_already(store: Store) -> None:
    """Those change, each by what is said of them; the others are new, and nobody else is touched."""
    await persons.enrol(store, [person(1), person(2), person(3)], [link(1)], events=())
    of_age = [replace(person(n), majority_at=NOW.replace(year=2030 + n), recorded_by="y") for n in (2, 3, 4)]
    await persons.enrol(store, of_age, [], events=())
    async with store.read() as conn:
        found = await persons.everybody(conn)
    assert found == {one.id: one for one in (person(1), *of_age)}


async def test_none_where_one_cannot_be(store: Store) -> None:
    """All or none: a link of nobody takes the persons with it."""
    with pytest.raises(RowRefused):
        await persons.enrol(store, [person(1)], [link(2)], events=())
    async with store.read() as conn:
        assert await persons.everybody(conn) == {}
