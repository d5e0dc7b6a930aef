"""Recipients' S/MIME certificates: public data, kept as they were imported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.store import Store
from gateway.store.tables import smime_certificate as table


class Trust(StrEnum):
    """Why a certificate is believed to be its address's."""

    CHAIN = "chain"  # up to an anchor of ours
    DOMAIN = "domain"  # the address's own domain has it in DNS, and DNSSEC vouches for that
    PERSON = "person"  # somebody compared it with the recipient
    NONE = "none"  # it is on file and not used
    REVOKED = "revoked"  # its issuer revoked it; nothing but forgetting it changes that


USED: Final = frozenset({Trust.CHAIN, Trust.DOMAIN, Trust.PERSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class SmimeCertificate:
    """One certificate for one address.

    fingerprint: SHA-256, upper-case hexadecimal. address: all in lower case. certificate: DER.
    chain: its issuers in order, DER, the last an anchor at import; empty without such, or when it is an anchor itself.
    """

    fingerprint: str
    address: str
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    trust: Trust
    imported_at: datetime
    expires_at: datetime


async def add(store: Store, new: SmimeCertificate, *, events: Sequence[Event]) -> None:
    """Import a certificate for an address; the same one is replaced, but a person's trust in it is kept.

    One that was revoked stays so, and is so for every other address.
    """

    async def work(conn: AsyncConnection) -> None:
        old = (table.c.fingerprint == new.fingerprint) & (table.c.address == new.address)
        known = (await conn.execute(sa.select(table.c.trust).where(old))).scalar()
        revoked = (table.c.fingerprint == new.fingerprint) & (table.c.trust == Trust.REVOKED.value)
        if (await conn.execute(sa.select(table.c.trust).where(revoked).limit(1))).scalar():
            known = Trust.REVOKED.value
        is_kept = (new.trust is Trust.NONE and known == Trust.PERSON.value) or known == Trust.REVOKED.value
        await conn.execute(sa.delete(table).where(old))
        await conn.execute(
            sa.insert(table),
            {
                "fingerprint": new.fingerprint,
                "address": new.address,
                "certificate": new.certificate,
                "chain": msgspec.msgpack.encode(new.chain),
                "trust": known if is_kept else new.trust.value,
                "imported_at": new.imported_at,
                "expires_at": new.expires_at,
            },
        )

    await store.transact(work, events=lambda _: events)


async def for_address(conn: AsyncConnection, address: str) -> tuple[SmimeCertificate, ...]:
    """Those of one recipient, newest import first; whether they are still usable the caller must judge."""
    mine = sa.select(table).where(table.c.address == address.lower()).order_by(table.c.imported_at.desc())
    return tuple(_read(row) for row in (await conn.execute(mine)).mappings())


async def holders(conn: AsyncConnection) -> frozenset[str]:
    """The addresses, in lower case, that have a certificate with trust."""
    trusted = sa.select(table.c.address).where(table.c.trust.in_(USED)).distinct()
    return frozenset((await conn.execute(trusted)).scalars())


async def everything(conn: AsyncConnection) -> tuple[SmimeCertificate, ...]:
    """All certificates, by address."""
    rows = await conn.execute(sa.select(table).order_by(table.c.address, table.c.imported_at.desc()))
    return tuple(_read(row) for row in rows.mappings())


async def trust(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Believe a certificate by a person's word, for all its addresses. Returns: whether it was there, not revoked."""

    async def work(conn: AsyncConnection) -> bool:
        mine = (table.c.fingerprint == fingerprint) & (table.c.trust != Trust.REVOKED.value)
        change = sa.update(table).where(mine).values(trust=Trust.PERSON.value)
        return (await conn.execute(change)).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def revoke(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """End the use of a certificate, for all its addresses. Returns: whether it was there and in use."""

    async def work(conn: AsyncConnection) -> bool:
        mine = (table.c.fingerprint == fingerprint) & (table.c.trust != Trust.REVOKED.value)
        return (await conn.execute(sa.update(table).where(mine).values(trust=Trust.REVOKED.value))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def forget(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Forget a certificate, for all its addresses. Returns: whether it was there."""

    async def work(conn: AsyncConnection) -> bool:
        return (await conn.execute(sa.delete(table).where(table.c.fingerprint == fingerprint))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


def _read(row: sa.RowMapping) -> SmimeCertificate:
    chain = msgspec.msgpack.decode(row["chain"], type=tuple[bytes, ...])
    return SmimeCertificate(**{**row, "chain": chain, "trust": Trust(row["trust"])})
