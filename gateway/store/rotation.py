"""Rotation of the master key: every data key and secret is sealed anew, while mail goes on (KY-04).

How this works: the new key is on disk beside the old one before anything bears it; one transaction seals everything
anew; then the files change places. Whoever opens the store reads all files that are there, so both keys open whatever
a crash left, and the next start finishes. The old key is removed once nothing can bear it: at a start, when no message
is between its sealing and its commit.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.errors import DamagedContent, KeyUnusable
from gateway.store.tables import decision_correction, decision_record, message, secret
from gateway.store.vault import BEFORE, NEXT, Vault, beside, create_key, read_key, sync_folder

if TYPE_CHECKING:
    from gateway.store.store import Store

AT_ONCE: Final = 500  # rows
HASHES: Final = ("patient", "binding", "unsubscribe")  # purposes of `Vault.keyed_hash` whose results are on file
HASH_KEY: Final = "hash key: "


async def rotate(store: "Store", *, events: Sequence[Event] = ()) -> str:
    """Make a new master key and seal everything with it. Returns: where the old key waits for the next start.

    Raises: KeyUnusable when the key is no file that can be replaced; StoreError, and the old key still opens.
    """
    path = _path(store.vault)
    if os.environ.get("CREDENTIALS_DIRECTORY") == str(path.parent):
        raise KeyUnusable(
            f"{path} is a credential of systemd, which only its owner can replace; see docs/encryption.md"
        )
    if beside(path, BEFORE).exists():
        raise KeyUnusable(
            f"{beside(path, BEFORE)}: the last rotation ends at the next start; restart the gateway first"
        )
    await asyncio.to_thread(create_key, beside(path, NEXT))
    await finish(store, is_quiet=False, events=events)
    return str(beside(path, BEFORE))


async def finish(store: "Store", *, is_quiet: bool, events: Sequence[Event] = ()) -> None:
    """Go on with a rotation from wherever it is.

    is_quiet: no message is being sealed, so that the old key can go.
    """
    path, vault = _path(store.vault), store.vault
    kept = {purpose: vault.hash_key(purpose) for purpose in HASHES}
    if beside(path, NEXT).exists():
        vault.turn(await asyncio.to_thread(read_key, beside(path, NEXT)))
    for purpose, key in kept.items():
        vault.keep_hash_key(purpose, key)

    async def work(conn: AsyncConnection) -> None:
        await _seal_anew(conn, vault, kept)

    await store.transact(work, events=lambda _: events)
    await asyncio.to_thread(_settle_files, path, is_quiet=is_quiet)


async def keep_hash_keys(conn: AsyncConnection, vault: Vault) -> None:
    """What rotations have kept, for `Vault.keyed_hash`."""
    for purpose in HASHES:
        name = HASH_KEY + purpose
        found = (await conn.execute(sa.select(secret.c.ciphertext).where(secret.c.name == name))).scalar_one_or_none()
        if found is not None:
            vault.keep_hash_key(purpose, vault.open_secret(name, found))


async def _seal_anew(conn: AsyncConnection, vault: Vault, hash_keys: dict[str, bytes]) -> None:
    for purpose, key in hash_keys.items():
        name = HASH_KEY + purpose
        await conn.execute(sa.delete(secret).where(secret.c.name == name))
        row = {"name": name, "master_key_id": vault.newest_id, "ciphertext": vault.seal_secret(name, key)}
        await conn.execute(sa.insert(secret), row)
    for name, sealed in (await conn.execute(sa.select(secret.c.name, secret.c.ciphertext))).all():
        new = {"master_key_id": vault.newest_id, "ciphertext": vault.seal_secret(name, vault.open_secret(name, sealed))}
        await conn.execute(sa.update(secret).where(secret.c.name == name).values(new))
    await _messages(conn, vault)
    await _rows(conn, vault, decision_correction, sa.cast(decision_correction.c.id, sa.String))
    at = sa.cast(sa.type_coerce(decision_record.c.at, sa.BigInteger), sa.String)
    await _rows(conn, vault, decision_record, decision_record.c.queue_id + sa.literal("/") + at)


async def _messages(conn: AsyncConnection, vault: Vault) -> None:
    """The data keys. A message that is damaged stays so, and stops nothing (KY-08)."""
    c = message.c
    change = sa.update(message).where(c.id == sa.bindparam("b_id")).values(wrapped_key=sa.bindparam("b_key"))
    last = ""
    query = sa.select(c.id, c.wrapped_key).where(c.wrapped_key.is_not(None)).order_by(c.id).limit(AT_ONCE)
    while rows := (await conn.execute(query.where(c.id > last))).all():
        new: list[dict[str, Any]] = []
        for queue_id, wrapped in rows:
            with suppress(DamagedContent):
                if not vault.is_newest(wrapped, queue_id):
                    new.append({"b_id": queue_id, "b_key": vault.wrap(queue_id, vault.unwrap(queue_id, wrapped))})
        if new:
            await conn.execute(change, new)
        last = rows[-1][0]


async def _rows(conn: AsyncConnection, vault: Vault, table: sa.Table, row_id: sa.ColumnElement[str]) -> None:
    """Values that are sealed by themselves. row_id: what `Vault.seal_row` had."""
    column, last = f"{table.name}.ciphertext", ""
    change = (
        sa.update(table)
        .where(row_id == sa.bindparam("b_id"))
        .values(ciphertext=sa.bindparam("b_sealed"), master_key_id=vault.newest_id)
    )
    query = sa.select(row_id, table.c.ciphertext).order_by(row_id).limit(AT_ONCE)
    while rows := (await conn.execute(query.where(row_id > last))).all():
        for name, sealed in rows:
            with suppress(DamagedContent):
                again = vault.seal_row(column, name, vault.open_row(column, name, sealed))
                await conn.execute(change, {"b_id": name, "b_sealed": again})
        last = rows[-1][0]


def _settle_files(path: Path, *, is_quiet: bool) -> None:
    """The new key takes the name of the old one, which stays beside it, or goes. Each step may be the last."""
    new, old = beside(path, NEXT), beside(path, BEFORE)
    if new.exists():
        with suppress(FileExistsError):
            os.link(path, old)
        sync_folder(path.parent)
        new.rename(path)
        sync_folder(path.parent)
    if is_quiet and old.exists():
        old.unlink()
        sync_folder(path.parent)


def _path(vault: Vault) -> Path:
    if vault.path is None:
        raise KeyUnusable("the master key did not come from a file")
    return vault.path
