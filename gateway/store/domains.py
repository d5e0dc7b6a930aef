"""What we remember of destination domains: whether they have ever offered TLS (TL-07). `rows.saw_tls` writes it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.tables import domain_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSeen:
    """seen_at: when it last offered TLS; verified: a certificate of it was verified at least once."""

    domain: str
    seen_at: datetime
    verified: bool


async def tls_seen(conn: AsyncConnection, domain: str) -> TlsSeen | None:
    """None for a domain that never offered TLS to us."""
    row = (await conn.execute(sa.select(domain_tls).where(domain_tls.c.domain == domain))).mappings().one_or_none()
    return None if row is None else TlsSeen(**row)
