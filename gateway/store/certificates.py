"""Recipients' OpenPGP certificates: public data, kept as they were imported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store import smime_certificates
from gateway.store.kept import Kept
from gateway.store.store import Store
from gateway.store.tables import openpgp_certificate as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """address: the recipient it is used for, all in lower case. certificate: the transferable public key, binary."""

    fingerprint: str
    address: str
    certificate: bytes = field(repr=False)
    imported_at: datetime
    expires_at: datetime | None = None


async def add(store: Store, new: Certificate, *, events: Sequence[Event]) -> None:
    """Import a certificate for an address; the same one is replaced (renewed expiry)."""

    async def work(conn: AsyncConnection) -> None:
        old = (table.c.fingerprint == new.fingerprint) & (table.c.address == new.address)
        await conn.execute(sa.delete(table).where(old))
        await conn.execute(
            sa.insert(table),
            {
                "fingerprint": new.fingerprint,
                "address": new.address,
                "certificate": new.certificate,
                "imported_at": new.imported_at,
                "expires_at": new.expires_at,
            },
        )

    await store.transact(work, events=lambda _: events)


async def for_address(conn: AsyncConnection, address: str) -> tuple[bytes, ...]:
    """The certificates of one recipient, newest import first; whether they are still usable the caller must judge."""
    rows = await conn.execute(
        sa.select(table.c.certificate).where(table.c.address == address.lower()).order_by(table.c.imported_at.desc())
    )
    return tuple(rows.scalars())


async def holders(conn: AsyncConnection) -> frozenset[str]:
    """The addresses, in lower case, that have a certificate."""
    return frozenset((await conn.execute(sa.select(table.c.address).distinct())).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class OnFile:
    """The addresses, in lower case, that have an OpenPGP key, and those that have an S/MIME certificate with trust."""

    openpgp: frozenset[str] = frozenset()
    smime: frozenset[str] = frozenset()


async def on_file(conn: AsyncConnection) -> OnFile:
    """As the registers have it now; whether a key is still usable is judged before each use."""
    return OnFile(openpgp=await holders(conn), smime=await smime_certificates.holders(conn))


class Holders(Kept[OnFile]):
    """The same, kept in memory."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, on_file)


async def everything(conn: AsyncConnection) -> tuple[Certificate, ...]:
    """All certificates, by address."""
    rows = await conn.execute(sa.select(table).order_by(table.c.address, table.c.imported_at.desc()))
    return tuple(Certificate(**row) for row in rows.mappings())


async def forget(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Forget a certificate, for all its addresses. Returns: whether it was there."""

    async def work(conn: AsyncConnection) -> bool:
        return (await conn.execute(sa.delete(table).where(table.c.fingerprint == fingerprint))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())
