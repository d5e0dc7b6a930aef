"""What a store does before it accepts work: one transaction that makes the state of the last run safe to go on from."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store import sequencer
from gateway.store.errors import ContentError, KeyMismatch
from gateway.store.sequencer import Head
from gateway.store.tables import content, entry, message, secret
from gateway.store.vault import Vault

CHECK_NAME: Final = "master key check"
CHECK_VALUE: Final = b"this installation's master key"


async def begin_run(engine: AsyncEngine, vault: Vault) -> Head:
    """Check the master key, take back all leases, sweep content that no message owns, and load the audit head.

    Leases can be taken back at once because the lock of data_dir says that no other process works on this queue.
    Raises: KeyMismatch when the vault is not the one that sealed this data (KY-05); DamagedStore.
    """
    async with engine.begin() as conn:
        check = (
            await conn.execute(
                sa.select(secret.c.master_key_id, secret.c.ciphertext).where(secret.c.name == CHECK_NAME)
            )
        ).one_or_none()
        if check is None:
            await conn.execute(sa.insert(secret), _first_check(vault))
        else:
            _compare(vault, check.master_key_id, check.ciphertext)
        await conn.execute(sa.update(entry).where(entry.c.lease_owner != "").values(lease_owner="", lease_until=None))
        await conn.execute(sa.delete(content).where(content.c.message_id.not_in(sa.select(message.c.id))))
        return await sequencer.load(conn)


def _first_check(vault: Vault) -> dict[str, object]:
    """The check value is written in the transaction that starts the first run, before anything can be sealed."""
    return {
        "name": CHECK_NAME,
        "master_key_id": vault.key_id,
        "ciphertext": vault.seal_secret(CHECK_NAME, CHECK_VALUE),
    }


def _compare(vault: Vault, key_id: str, ciphertext: bytes) -> None:
    try:
        is_ours = vault.key_id == key_id and vault.open_secret(CHECK_NAME, ciphertext) == CHECK_VALUE
    except ContentError:
        is_ours = False
    if not is_ours:
        raise KeyMismatch(f"master key {vault.key_id} did not seal this database, {key_id} did; bring that key back")
