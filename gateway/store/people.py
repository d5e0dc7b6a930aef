"""People who may sign in. The store keeps their password hashes; `gateway.intake` makes and checks them (argon2id)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.errors import MissingRow
from gateway.store.store import Store
from gateway.store.tables import delegation, person


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """password_hash: argon2id in PHC form. disabled_at: since when sign-in is refused, None while it is allowed."""

    address: str
    password_hash: str = field(repr=False)
    role: str
    created_at: datetime
    disabled_at: datetime | None = None


async def add(store: Store, new: Person, *, events: Sequence[Event]) -> bool:
    """Returns: False, and nothing is written, when the address is taken."""

    async def work(conn: AsyncConnection) -> bool:
        if await get(conn, new.address) is not None:
            return False
        await conn.execute(
            sa.insert(person),
            {
                "address": new.address,
                "password_hash": new.password_hash,
                "role": new.role,
                "created_at": new.created_at,
                "disabled_at": new.disabled_at,
            },
        )
        return True

    return await store.transact(work, events=lambda is_new: events if is_new else ())


async def get(conn: AsyncConnection, address: str) -> Person | None:
    row = (await conn.execute(sa.select(person).where(person.c.address == address))).mappings().one_or_none()
    return None if row is None else Person(**row)


async def everyone(conn: AsyncConnection) -> tuple[Person, ...]:
    """All people, by address."""
    rows = await conn.execute(sa.select(person).order_by(person.c.address))
    return tuple(Person(**row) for row in rows.mappings())


async def passwd(store: Store, address: str, password_hash: str, *, events: Sequence[Event]) -> None:
    """Raises: MissingRow for an unknown address."""
    await _change(store, address, events, password_hash=password_hash)


async def disable(store: Store, address: str, *, at: datetime, events: Sequence[Event]) -> None:
    """Raises: MissingRow for an unknown address."""
    await _change(store, address, events, disabled_at=at)


async def delegate(store: Store, address: str, other: str, *, at: datetime, events: Sequence[Event]) -> bool:
    """Let somebody send as another address. Returns: False, and nothing is written, when that was so already.

    Raises: MissingRow for an unknown address.
    """

    async def work(conn: AsyncConnection) -> bool:
        if await get(conn, address) is None:
            raise MissingRow(f"{address}: no such user")
        if other in (await delegations(conn)).get(address, ()):
            return False
        await conn.execute(sa.insert(delegation), {"address": address, "may_send_as": other, "created_at": at})
        return True

    return await store.transact(work, events=lambda is_new: events if is_new else ())


async def undelegate(store: Store, address: str, other: str, *, events: Sequence[Event]) -> bool:
    """The opposite. Returns: whether there was something to take back."""

    async def work(conn: AsyncConnection) -> bool:
        this = (delegation.c.address == address, delegation.c.may_send_as == other)
        return (await conn.execute(sa.delete(delegation).where(*this))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def delegations(conn: AsyncConnection) -> Mapping[str, tuple[str, ...]]:
    """By person, the other addresses they may send as, in order; only people who have any."""
    rows = await conn.execute(sa.select(delegation).order_by(delegation.c.address, delegation.c.may_send_as))
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.address] = (*found.get(row.address, ()), row.may_send_as)
    return found


async def _change(store: Store, address: str, events: Sequence[Event], **values: object) -> None:
    async def work(conn: AsyncConnection) -> None:
        result = await conn.execute(sa.update(person).where(person.c.address == address).values(**values))
        if result.rowcount != 1:
            raise MissingRow(f"{address}: no such user")

    await store.transact(work, events=lambda _: events)
