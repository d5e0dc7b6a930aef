"""Rotation of the master key: every data key and secret is sealed anew, while mail goes on (KY-04).

How this works: the new key is on disk beside the old one before anything bears it; everything is sealed anew page by
page, each in a short transaction, so that mail is written between them; the secrets come last, among them the value
that a start checks its key by; then the files change places. Whoever opens the store reads all files that are there,
so both keys open whatever a crash left, and the next start goes on with what does not bear the new key yet. The old
key is removed once nothing can bear it: at a start, when no message is between its sealing and its commit.

Where a command prints the keys (`key_command`) there are no files to change. It prints the new key before the old one
from then on; which keys may be borne is noted in the store before anything bears the new one, and a start without one
of them is refused, until a start has found that only the newest is left.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.log import get_logger
from gateway.message.event import Event
from gateway.store.errors import DamagedContent, KeyUnusable
from gateway.store.key_command import SETTING, read_keys
from gateway.store.register_tables import decision_correction, decision_record
from gateway.store.tables import message, secret
from gateway.store.times import micros
from gateway.store.vault import BEFORE, NEXT, Vault, beside, create_key, read_key, sync_folder

if TYPE_CHECKING:
    from gateway.store.store import Store

AT_ONCE: Final = 500  # rows of one transaction
HASHES: Final = ("patient", "binding", "unsubscribe")  # purposes of `Vault.keyed_hash` whose results are on file
HASH_KEY: Final = "hash key: "
CHECK_NAME: Final = "master key check"
IN_USE: Final = "master key in use: "  # and the key's id: only while a command's keys are changing

log = get_logger("store")

Key = tuple[Any, ...]  # primary key of a row
Page = Callable[[Key | None, AsyncConnection], Awaitable[Key | None]]  # from the last row before it to its own last row

_under_way: Final[set[Path | tuple[str, ...]]] = set()


async def rotate(store: "Store", *, events: Sequence[Event] = ()) -> str:
    """Make a new master key and seal everything with it. Returns: where the old key waits for the next start.

    Raises: KeyUnusable when the key is no file that can be replaced, or others may use the database; StoreError, and
    both keys open then.
    """
    if not store.is_alone:
        raise KeyUnusable(
            "other gateways may use this database, and cannot open what a new master key seals; "
            "stop them and rotate on one that has the database to itself"
        )
    name = store.vault.command or _path(store.vault)
    if name in _under_way:
        raise KeyUnusable("a rotation is under way")
    _under_way.add(name)
    try:
        if store.vault.command:
            return await _rotate_by_command(store, events)
        return await _rotate(store, _path(store.vault), events)
    finally:
        _under_way.discard(name)


async def _rotate(store: "Store", path: Path, events: Sequence[Event]) -> str:
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


async def _rotate_by_command(store: "Store", events: Sequence[Event]) -> str:
    vault = store.vault
    keys = await asyncio.to_thread(read_keys, vault.command)
    printed = Vault(*keys)
    async with store.read() as conn:
        noted = await noted_keys(conn)
    if printed.newest_id == vault.newest_id:
        if noted:
            raise KeyUnusable("the last rotation ends at the next start; restart the gateway first")
        if not printed.has_others:
            raise KeyUnusable(f"{SETTING}: it prints the key in use alone; let it print the new one before it")
        return vault.command[0]  # the start has done it
    if missing := set(vault.ids) - set(printed.ids):
        raise KeyUnusable(f"{SETTING}: it no longer prints key {min(missing)}, which is in use; print it after the new")
    kept = {purpose: vault.hash_key(purpose) for purpose in HASHES}
    for purpose, key in kept.items():
        vault.keep_hash_key(purpose, key)
    await store.transact(partial(_note_keys, vault, printed.ids))
    vault.turn(keys[0])
    await _seal_anew(store, kept, events)
    return vault.command[0]


async def _finish_by_command(store: "Store") -> None:
    """At a start: go on with a rotation that was cut short, or begin the one that new keys ask for."""
    vault = store.vault
    async with store.read() as conn:
        noted, sealed_by = await noted_keys(conn), await _checked_by(conn)
    if not noted and sealed_by == vault.newest_id:
        return
    kept = {purpose: vault.hash_key(purpose) for purpose in HASHES}
    await store.transact(partial(_note_keys, vault, vault.ids))
    await _seal_anew(store, kept, ())
    await store.transact(_forget_keys)
    log.info("nothing bears the older master keys any more, they need not be printed again")


async def noted_keys(conn: AsyncConnection) -> set[str]:
    """The ids of the keys that something may bear, while a rotation by command is not finished; else none."""
    names = (await conn.execute(sa.select(secret.c.name).where(secret.c.name.startswith(IN_USE)))).scalars()
    return {name.removeprefix(IN_USE) for name in names}


async def _note_keys(vault: Vault, ids: Sequence[str], conn: AsyncConnection) -> None:
    for key_id in set(ids) - await noted_keys(conn):
        name = IN_USE + key_id
        row = {"name": name, "master_key_id": vault.newest_id, "ciphertext": vault.seal_secret(name, b"")}
        await conn.execute(sa.insert(secret), row)


async def _forget_keys(conn: AsyncConnection) -> None:
    await conn.execute(sa.delete(secret).where(secret.c.name.startswith(IN_USE)))


async def _checked_by(conn: AsyncConnection) -> str:
    """The id of the key that seals the store's own secrets."""
    check = sa.select(secret.c.master_key_id).where(secret.c.name == CHECK_NAME)
    return str((await conn.execute(check)).scalar_one_or_none() or "")


async def finish(store: "Store", *, is_quiet: bool, events: Sequence[Event] = ()) -> None:
    """Go on with a rotation from wherever it is.

    is_quiet: no message is being sealed, so that the old key can go.
    """
    if store.vault.command:
        await _finish_by_command(store)
        return
    path, vault = _path(store.vault), store.vault
    kept = {purpose: vault.hash_key(purpose) for purpose in HASHES}
    if beside(path, NEXT).exists():
        vault.turn(await asyncio.to_thread(read_key, beside(path, NEXT)))
    for purpose, key in kept.items():
        vault.keep_hash_key(purpose, key)
    await _seal_anew(store, kept, events)
    await asyncio.to_thread(_settle_files, path, is_quiet=is_quiet)


async def _seal_anew(store: "Store", kept: dict[str, bytes], events: Sequence[Event]) -> None:
    """All that does not bear the newest key; the secrets last."""
    vault = store.vault
    await _by_page(store, partial(_messages, vault))
    await _by_page(store, partial(_rows, vault, decision_correction, str))
    await _by_page(store, partial(_rows, vault, decision_record, _of_decision))
    await store.transact(partial(_secrets, vault, kept), events=lambda _: events)


async def keep_hash_keys(conn: AsyncConnection, vault: Vault) -> None:
    """What rotations have kept, for `Vault.keyed_hash`; before the first, what the key gives that sealed the store."""
    vault.hash_as(await _checked_by(conn), HASHES)
    names = [HASH_KEY + purpose for purpose in HASHES]
    kept = sa.select(secret.c.name, secret.c.ciphertext).where(secret.c.name.in_(names))
    for name, sealed in (await conn.execute(kept)).all():
        vault.keep_hash_key(name.removeprefix(HASH_KEY), vault.open_secret(name, sealed))


async def _secrets(vault: Vault, hash_keys: dict[str, bytes], conn: AsyncConnection) -> None:
    """The secrets, with the keys of the hashes that are on file."""
    newest = {"master_key_id": vault.newest_id}
    names = set((await conn.execute(sa.select(secret.c.name))).scalars())
    for purpose, key in hash_keys.items():
        if (name := HASH_KEY + purpose) not in names:
            await conn.execute(sa.insert(secret), {"name": name, "ciphertext": vault.seal_secret(name, key)} | newest)
    query = sa.select(secret.c.name, secret.c.ciphertext).where(secret.c.master_key_id != vault.newest_id)
    for name, sealed in (await conn.execute(query)).all():
        new = {"ciphertext": vault.seal_secret(name, vault.open_secret(name, sealed))} | newest
        await conn.execute(sa.update(secret).where(secret.c.name == name).values(new))


async def _by_page(store: "Store", page: Page) -> None:
    """Read and written in one transaction, or a key that is destroyed between the two would come back."""
    after: Key | None = None
    while True:
        after = await store.transact(partial(page, after))
        if after is None:
            return


async def _messages(vault: Vault, after: Key | None, conn: AsyncConnection) -> Key | None:
    """Data keys. A message that is damaged stays so, and stops nothing (KY-08).

    What a message says of its master key is part of its content's place and stays; so its data key tells.
    """
    c = message.c
    query = sa.select(c.id, c.wrapped_key).where(c.wrapped_key.is_not(None)).order_by(c.id).limit(AT_ONCE)
    rows = (await conn.execute(query if after is None else query.where(c.id > after[0]))).all()
    new: list[dict[str, Any]] = []
    for queue_id, wrapped in rows:
        with suppress(DamagedContent):
            if not vault.is_newest(wrapped, queue_id):
                new.append({"b_id": queue_id, "b_key": vault.wrap(queue_id, vault.unwrap(queue_id, wrapped))})
    if new:
        change = sa.update(message).where(c.id == sa.bindparam("b_id")).values(wrapped_key=sa.bindparam("b_key"))
        await conn.execute(change, new)
    return (rows[-1][0],) if rows else None


async def _rows(
    vault: Vault, table: sa.Table, row_id: Callable[..., str], after: Key | None, conn: AsyncConnection
) -> Key | None:
    """Values that are sealed by themselves, of rows that do not bear the newest key.

    row_id: makes what `Vault.seal_row` had of the primary key.
    """
    column, keys = f"{table.name}.ciphertext", tuple(table.primary_key.columns)
    query = sa.select(*keys, table.c.ciphertext).where(table.c.master_key_id != vault.newest_id)
    if after is not None:
        last = sa.tuple_(*(sa.literal(value, key.type) for key, value in zip(keys, after, strict=True)))
        query = query.where(sa.tuple_(*keys) > last)
    rows = (await conn.execute(query.order_by(*keys).limit(AT_ONCE))).all()
    new: list[dict[str, Any]] = []
    for *place, sealed in rows:
        name = row_id(*place)
        with suppress(DamagedContent):
            again = vault.seal_row(column, name, vault.open_row(column, name, sealed))
            new.append({f"b_{key.name}": value for key, value in zip(keys, place, strict=True)} | {"b_sealed": again})
    if new:
        change = (
            sa.update(table)
            .where(*(key == sa.bindparam(f"b_{key.name}") for key in keys))
            .values(ciphertext=sa.bindparam("b_sealed"), master_key_id=vault.newest_id)
        )
        await conn.execute(change, new)
    return tuple(rows[-1][:-1]) if rows else None


def _of_decision(queue_id: str, at: datetime) -> str:
    """As `gateway.store.decisions` has it."""
    return f"{queue_id}/{micros(at)}"


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
