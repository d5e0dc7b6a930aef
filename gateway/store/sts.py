"""MTA-STS policies between restarts: what binds a domain must not depend on who can reach its policy host today."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.store import Store
from gateway.store.tables import sts_policy as table
from tls.mta_sts.parse import parse_policy
from tls.mta_sts.verify import CachedPolicy


class StoredPolicies:
    """A `tls.mta_sts.cache.PolicyCache` over the store (TL-16)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, domain: str) -> CachedPolicy | None:
        """The policy kept for a domain, expired or not. Raises: StoreError; StsSyntaxError for a damaged row."""
        async with self._store.read() as conn:
            row = (await conn.execute(sa.select(table).where(table.c.domain == domain))).mappings().one_or_none()
        if row is None:
            return None
        policy = parse_policy(row["body"].encode())
        return CachedPolicy(domain=domain, id=row["id"], policy=policy, fetched_at=row["fetched_at"])

    async def put(self, policy: CachedPolicy) -> None:
        """Keep a policy in place of the domain's older one; what has expired by then goes. Raises: StoreError."""
        row = {
            "domain": policy.domain,
            "id": policy.id,
            "body": policy.policy.text,
            "fetched_at": policy.fetched_at,
            "expires_at": policy.expires_at,
        }

        async def work(conn: AsyncConnection) -> None:
            is_over = sa.or_(table.c.domain == policy.domain, table.c.expires_at < policy.fetched_at)
            await conn.execute(sa.delete(table).where(is_over))
            await conn.execute(sa.insert(table), row)

        await self._store.transact(work)
