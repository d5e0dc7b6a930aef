"""Checkpoints of the log: the signing key, sealed in the store, and the signed heads it makes.

The interval between checkpoints is the window in which someone with access to the database could rewrite events
unseen; someone who also has the signing key is found only against checkpoints that were kept elsewhere (AU-03).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.note import Checkpoint, sign
from gateway.store.errors import ContentGone
from gateway.store.merkle import Frontier
from gateway.store.store import Store
from gateway.store.tables import audit_checkpoint, audit_tree, secret
from gateway.store.vault import Vault

KEY_NAME: Final = "audit signing key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """origin: the log's name, such as `gw.clinic.example/audit`."""

    origin: str
    key: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self.key.public_key()


async def load_signer(store: Store, *, hostname: str) -> Signer:
    """The installation's signer; its key is made on the first start and sealed by the master key."""

    async def work(conn: AsyncConnection) -> Ed25519PrivateKey:
        found = await _sealed_key(conn)
        if found is not None:
            return Ed25519PrivateKey.from_private_bytes(store.vault.open_secret(KEY_NAME, found))
        key = Ed25519PrivateKey.generate()
        row = {
            "name": KEY_NAME,
            "master_key_id": store.vault.key_id,
            "ciphertext": store.vault.seal_secret(KEY_NAME, key.private_bytes_raw()),
        }
        await conn.execute(sa.insert(secret), row)
        return key

    return Signer(origin=f"{hostname}/audit", key=await store.transact(work))


async def make(store: Store, signer: Signer, *, now: datetime) -> str:
    """Sign the log as it stands; the newest checkpoint when nothing was added since. Returns: the signed note."""

    async def work(conn: AsyncConnection) -> str:
        tree = (await conn.execute(sa.select(audit_tree))).one()
        known = (
            await conn.execute(sa.select(audit_checkpoint.c.note).where(audit_checkpoint.c.size == tree.size))
        ).scalar_one_or_none()
        if known is not None:
            return str(known)
        root = Frontier.from_bytes(tree.size, tree.frontier).root()
        note = sign(Checkpoint(origin=signer.origin, size=tree.size, root=root), signer.key)
        await conn.execute(sa.insert(audit_checkpoint), {"size": tree.size, "at": now, "note": note})
        return note

    return await store.transact(work)


async def head(conn: AsyncConnection) -> Checkpoint:
    """The log as the store knows it, unsigned: what its events must add up to."""
    tree = (await conn.execute(sa.select(audit_tree))).one()
    return Checkpoint(origin="", size=tree.size, root=Frontier.from_bytes(tree.size, tree.frontier).root())


async def newest(conn: AsyncConnection) -> str | None:
    """The newest signed note; None before the first."""
    statement = sa.select(audit_checkpoint.c.note).order_by(audit_checkpoint.c.size.desc()).limit(1)
    note: str | None = (await conn.execute(statement)).scalar_one_or_none()
    return note


async def public_key(conn: AsyncConnection, vault: Vault) -> Ed25519PublicKey:
    """The key that checkpoints are verified with. Raises: ContentGone before the first start of a gateway."""
    sealed = await _sealed_key(conn)
    if sealed is None:
        raise ContentGone("the audit log has no signing key yet: the gateway has never run here")
    return Ed25519PrivateKey.from_private_bytes(vault.open_secret(KEY_NAME, sealed)).public_key()


async def _sealed_key(conn: AsyncConnection) -> bytes | None:
    sealed: bytes | None = (
        await conn.execute(sa.select(secret.c.ciphertext).where(secret.c.name == KEY_NAME))
    ).scalar_one_or_none()
    return sealed
