"""The installation's own secrets, each one row sealed by the master key."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.tables import secret
from gateway.store.vault import Vault


async def read_secret(conn: AsyncConnection, vault: Vault, name: str) -> bytes | None:
    """None when there is no such secret. Raises: DamagedContent when it is not what this master key sealed."""
    found: bytes | None = (
        await conn.execute(sa.select(secret.c.ciphertext).where(secret.c.name == name))
    ).scalar_one_or_none()
    return None if found is None else vault.open_secret(name, found)


async def write_secret(conn: AsyncConnection, vault: Vault, name: str, value: bytes) -> None:
    """In place of the old one. conn: in a transaction that the caller commits."""
    await conn.execute(sa.delete(secret).where(secret.c.name == name))
    row = {"name": name, "master_key_id": vault.key_id, "ciphertext": vault.seal_secret(name, value)}
    await conn.execute(sa.insert(secret), row)
