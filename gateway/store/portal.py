"""Messages waiting in the portal, and the sessions of those who read them. Tokens, codes and PINs are hashes here.

Publishing, opening and closing belong to units that also change the queue entry: `rows.publish_portal`,
`rows.open_portal`, `rows.close_portal`. What only the portal changes is here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.errors import MissingRow
from gateway.store.rows import PortalMessage, read_portal
from gateway.store.store import Store
from gateway.store.tables import portal_message as table
from gateway.store.tables import portal_session


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSession:
    """One browser that has proved itself for one message."""

    id_hash: bytes = field(repr=False)
    token_hash: bytes = field(repr=False)
    csrf_hash: bytes = field(repr=False)
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What opens a message next: the argon2id hash of a code or PIN, until when, and how many guesses it bears.

    kind: "code" or "pin". A PIN replaces codes for good, because the mail that would carry one cannot leave safely.
    """

    hash: str = field(repr=False)
    expires_at: datetime | None
    tries: int
    kind: str = "code"


async def by_token_hash(conn: AsyncConnection, token_hash: bytes) -> PortalMessage | None:
    row = (await conn.execute(sa.select(table).where(table.c.token_hash == token_hash))).mappings().one_or_none()
    return None if row is None else read_portal(row)


async def of_message(conn: AsyncConnection, queue_id: str) -> tuple[PortalMessage, ...]:
    rows = await conn.execute(sa.select(table).where(table.c.queue_id == queue_id))
    return tuple(read_portal(row) for row in rows.mappings())


async def set_secret(store: Store, token_hash: bytes, secret: Secret, *, events: Sequence[Event]) -> None:
    """Replace code or PIN; guesses count anew. Raises: MissingRow, also for a code where a PIN is needed by now."""

    replaceable = (secret.kind, "code")

    async def work(conn: AsyncConnection) -> None:
        result = await conn.execute(
            sa.update(table)
            .where(table.c.token_hash == token_hash, table.c.secret.in_(replaceable))
            .values(
                secret=secret.kind,
                secret_hash=secret.hash,
                secret_expires_at=secret.expires_at,
                tries_left=secret.tries,
            )
        )
        if result.rowcount != 1:
            raise MissingRow("no such portal message")

    await store.transact(work, events=lambda _: events)


async def spend_try(store: Store, token_hash: bytes, *, now: datetime) -> PortalMessage | None:
    """Take one guess *before* it is checked, so that guesses in parallel cannot outrun the count.

    Returns: the message with the secret to compare with; None when no guess is left, or secret or message expired.
    """

    async def work(conn: AsyncConnection) -> PortalMessage | None:
        result = await conn.execute(
            sa.update(table)
            .where(
                table.c.token_hash == token_hash,
                table.c.tries_left > 0,
                table.c.secret_hash != "",
                table.c.expires_at > now,
                sa.or_(table.c.secret_expires_at.is_(None), table.c.secret_expires_at > now),
            )
            .values(tries_left=table.c.tries_left - 1)
            .returning(*table.c)
        )
        row = result.mappings().one_or_none()
        return None if row is None else read_portal(row)

    return await store.transact(work)


async def open_session(
    store: Store, new: PortalSession, *, secret_hash: str, is_single_use: bool, tries: int, events: Sequence[Event]
) -> None:
    """Start a session after a right guess.

    secret_hash: what was guessed. is_single_use: it was a one-time code and is forgotten; a PIN stays, and gets its
    guesses (tries) back.
    Raises: MissingRow when that secret is no longer the current one: a right guess in parallel was faster.
    """
    spent = {"secret_hash": "", "tries_left": 0} if is_single_use else {"tries_left": tries}

    async def work(conn: AsyncConnection) -> None:
        the_message = sa.and_(table.c.token_hash == new.token_hash, table.c.secret_hash == secret_hash)
        if (await conn.execute(sa.update(table).where(the_message).values(**spent))).rowcount != 1:
            raise MissingRow("the code was used or replaced meanwhile")
        await conn.execute(
            sa.insert(portal_session),
            {
                "id_hash": new.id_hash,
                "token_hash": new.token_hash,
                "csrf_hash": new.csrf_hash,
                "created_at": new.created_at,
                "seen_at": new.seen_at,
            },
        )

    await store.transact(work, events=lambda _: events)


async def session(conn: AsyncConnection, id_hash: bytes) -> PortalSession | None:
    """The session; whether it is too old the caller must judge."""
    statement = sa.select(portal_session).where(portal_session.c.id_hash == id_hash)
    row = (await conn.execute(statement)).mappings().one_or_none()
    return None if row is None else PortalSession(**row)


async def touch_session(store: Store, id_hash: bytes, *, at: datetime) -> None:
    async def work(conn: AsyncConnection) -> None:
        await conn.execute(sa.update(portal_session).where(portal_session.c.id_hash == id_hash).values(seen_at=at))

    await store.transact(work)


async def end_session(store: Store, id_hash: bytes) -> None:
    async def work(conn: AsyncConnection) -> None:
        await conn.execute(sa.delete(portal_session).where(portal_session.c.id_hash == id_hash))

    await store.transact(work)


async def expired(conn: AsyncConnection, *, now: datetime, limit: int = 100) -> tuple[PortalMessage, ...]:
    """Messages whose time is over; close each with `rows.close_portal` in the unit that ends its entry."""
    rows = await conn.execute(
        sa.select(table).where(table.c.expires_at <= now).order_by(table.c.expires_at).limit(limit)
    )
    return tuple(read_portal(row) for row in rows.mappings())
