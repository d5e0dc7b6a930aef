"""Who let held mail go where two persons must; each counts once."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.register_tables import approval
from gateway.store.store import Store


async def approve(
    store: Store, entry_id: str, person: str, *, needed: int, at: datetime, event: Event, login: str = ""
) -> frozenset[str] | None:
    """Record that a person lets a recipient's copy go. Returns: all who do, this one included; the event is once.

    login: of the system, which counts once, whatever names it gives; empty: names count. None: that login let it go
    under another name, and nothing is written.
    As soon as there are `needed`, their word is used up: what is held again needs them again.
    """

    async def work(conn: AsyncConnection) -> tuple[bool, frozenset[str] | None]:
        found = await conn.execute(
            sa.select(approval.c.person, approval.c.login).where(approval.c.entry_id == entry_id)
        )
        logins = {row.person: row.login for row in found}
        people = frozenset(logins)
        if login and person not in people and login in logins.values():
            return False, None
        if len(people | {person}) >= needed:
            await conn.execute(sa.delete(approval).where(approval.c.entry_id == entry_id))
        elif person not in people:
            await conn.execute(sa.insert(approval), {"entry_id": entry_id, "person": person, "at": at, "login": login})
        return person not in people, people | {person}

    _, people = await store.transact(work, events=lambda result: [event] if result[0] else ())
    return people
