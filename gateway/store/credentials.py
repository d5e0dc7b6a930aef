"""Passwords for programs: kept as hashes, revoked but never deleted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.account import Allowance
from gateway.message.event import Event
from gateway.store.errors import MissingRow
from gateway.store.store import Store
from gateway.store.tables import credential as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """secret_hash: SHA-256, hexadecimal. senders, allowance: see `Account`. last_used_at: up to a minute behind."""

    name: str
    secret_hash: str = field(repr=False)
    senders: tuple[str, ...]
    networks: tuple[str, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


async def add(store: Store, new: Credential, *, events: Sequence[Event]) -> bool:
    """Returns: False, and nothing is written, when the name is taken, also by a revoked one."""

    async def work(conn: AsyncConnection) -> bool:
        if (await conn.execute(sa.select(table.c.name).where(table.c.name == new.name))).first() is not None:
            return False
        await conn.execute(sa.insert(table), _row(new))
        return True

    return await store.transact(work, events=lambda is_new: events if is_new else ())


async def revoke(store: Store, name: str, *, at: datetime, events: Sequence[Event]) -> None:
    """Raises: MissingRow when there is none of this name that still works."""

    async def work(conn: AsyncConnection) -> None:
        living = (table.c.name == name, table.c.revoked_at.is_(None))
        if (await conn.execute(sa.update(table).where(*living).values(revoked_at=at))).rowcount != 1:
            raise MissingRow(f"{name}: no such credential")

    await store.transact(work, events=lambda _: events)


async def note_use(store: Store, used: Mapping[str, datetime]) -> None:
    """Write when credentials were last used. used: by name."""

    async def work(conn: AsyncConnection) -> None:
        for name, at in used.items():
            await conn.execute(sa.update(table).where(table.c.name == name).values(last_used_at=at))

    await store.transact(work)


async def everything(conn: AsyncConnection) -> tuple[Credential, ...]:
    """All credentials, revoked ones too, by name."""
    rows = await conn.execute(sa.select(table).order_by(table.c.name))
    return tuple(_read(row) for row in rows.mappings())


def _row(one: Credential) -> dict[str, object]:
    return {
        "name": one.name,
        "secret_hash": one.secret_hash,
        "senders": json.dumps(one.senders),
        "networks": json.dumps(one.networks),
        "messages_per_hour": one.allowance.messages,
        "recipients_per_hour": one.allowance.recipients,
        "phi_per_hour": one.allowance.phi,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "last_used_at": one.last_used_at,
        "revoked_at": one.revoked_at,
    }


def _read(row: sa.RowMapping) -> Credential:
    return Credential(
        name=row["name"],
        secret_hash=row["secret_hash"],
        senders=tuple(json.loads(row["senders"])),
        networks=tuple(json.loads(row["networks"])),
        allowance=Allowance(
            messages=row["messages_per_hour"], recipients=row["recipients_per_hour"], phi=row["phi_per_hour"]
        ),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
