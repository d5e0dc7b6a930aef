"""What a store does before it accepts work: one transaction that makes the state of the last run safe to go on from."""

import os
from enum import Enum, auto
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import sequencer
from gateway.store.errors import ContentError, KeyMismatch
from gateway.store.rotation import CHECK_NAME, keep_hash_keys, noted_keys
from gateway.store.sequencer import Head
from gateway.store.tables import content, entry, message, secret
from gateway.store.vault import Vault

CHECK_VALUE: Final = b"this installation's master key"
PROBE_BYTES: Final = 64 * 1024  # enough to need new pages in file and WAL
PROBE_ID: Final = "probe"


class Last(Enum):
    """What is known of those who worked on this queue before."""

    ENDED = auto()  # nobody else works on it: a lock says so
    MAY_RUN = auto()  # others may be at work: their leases lapse by themselves when they are not


async def begin_run(conn: AsyncConnection, vault: Vault, *, last: Last) -> Head:
    """Check the master key, take back all leases, sweep content that no message owns, and load the audit head.

    conn: in a transaction that the caller commits. Leases and content of others are left alone where others may run.
    Raises: KeyMismatch when the vault is not the one that sealed this data (KY-05); DamagedStore.
    """
    check = (
        await conn.execute(sa.select(secret.c.master_key_id, secret.c.ciphertext).where(secret.c.name == CHECK_NAME))
    ).one_or_none()
    if check is None:
        await conn.execute(sa.insert(secret), _first_check(vault))
    else:
        _compare(vault, check.master_key_id, check.ciphertext)
        if missing := await noted_keys(conn) - set(vault.ids):
            raise KeyMismatch(
                f"master key {min(missing)} is missing, which content may bear: a rotation is not finished; "
                "let seal.master_key_command print it too until a start has finished"
            )
        await keep_hash_keys(conn, vault)
    if last is Last.ENDED:
        await conn.execute(sa.update(entry).where(entry.c.lease_owner != "").values(lease_owner="", lease_until=None))
        await conn.execute(sa.delete(content).where(content.c.message_id.not_in(sa.select(message.c.id))))
    return await sequencer.load(conn)


async def probe_rows(conn: AsyncConnection) -> None:
    """Write enough to need new pages, and take it back; the caller commits."""
    piece = {"message_id": PROBE_ID, "part": PROBE_ID, "number": 0, "ciphertext": os.urandom(PROBE_BYTES)}
    await conn.execute(sa.insert(content), piece)
    await conn.execute(sa.delete(content).where(content.c.message_id == PROBE_ID))


def _first_check(vault: Vault) -> dict[str, object]:
    """The check value is written in the transaction that starts the first run, before anything can be sealed."""
    return {
        "name": CHECK_NAME,
        "master_key_id": vault.key_id,
        "ciphertext": vault.seal_secret(CHECK_NAME, CHECK_VALUE),
    }


def _compare(vault: Vault, key_id: str, ciphertext: bytes) -> None:
    try:
        is_ours = vault.open_secret(CHECK_NAME, ciphertext) == CHECK_VALUE
    except ContentError:
        is_ours = False
    if not is_ours:
        raise KeyMismatch(f"master key {vault.key_id} did not seal this database, {key_id} did; bring that key back")
