"""Rotation of the master key (KY-04)."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import decisions, queue, rotation
from gateway.store.errors import KeyUnusable
from gateway.store.rotation import rotate
from gateway.store.rows import new_message
from gateway.store.sealed import read_secret, write_secret
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import decision_record, message, metadata
from gateway.store.times import micros
from gateway.store.vault import Vault, read_key
from tests.gateway.store.parts import BODY, NOW, accept, make_message, open_store

ROOT = Path(__file__).parents[3]
SECRET = "a secret"


def open_vault(folder: Path) -> Vault:
    return Vault.open(folder / "master.key", may_create=not (folder / "master.key").exists())


async def filled(folder: Path, messages: int = 3) -> tuple[Store, list[str]]:
    """A store with a key file of its own. Returns: the ids of its messages too."""
    store = await open_store(folder, open_vault(folder))
    new = [make_message() for _ in range(messages)]
    for one in new:
        await accept(store, one)
    vault, row_id = store.vault, f"{new[0].id}/{micros(NOW)}"
    row = {"queue_id": new[0].id, "at": NOW, "cause": "accepted", "policy_id": "p", "master_key_id": vault.key_id}
    sealed = {"ciphertext": vault.seal_row(decisions.RECORD, row_id, b"decided")}

    async def work(conn: AsyncConnection) -> None:
        await write_secret(conn, vault, SECRET, b"kept")
        await conn.execute(sa.insert(decision_record), row | sealed)

    await store.transact(work)
    return store, [one.id for one in new]


async def check(folder: Path, ids: list[str], hashed: str) -> None:
    """A start finishes what was begun: everything opens, and by the one key that is left."""
    vault = open_vault(folder)
    store = await open_store(folder, vault)
    try:
        if vault.has_others:
            await rotation.finish(store, is_quiet=True)
        left = await asyncio.to_thread(lambda: [path.name for path in folder.glob("master.key*")])
        assert left == ["master.key"]
        store.vault = open_vault(folder)  # it knows no other
        for queue_id in ids:
            assert await queue.load_body(store, queue_id) == BODY
        async with store.read() as conn:
            assert await read_secret(conn, store.vault, SECRET) == b"kept"
            await rotation.keep_hash_keys(conn, store.vault)
            row = (await conn.execute(sa.select(decision_record.c.ciphertext))).scalar_one()
        assert store.vault.open_row(decisions.RECORD, f"{ids[0]}/{micros(NOW)}", row) == b"decided"
        assert store.vault.keyed_hash("patient", "MRN 7") == hashed
    finally:
        await store.close()


async def test_live_rotation(tmp_path: Path) -> None:
    """KY-04: old and new mail opens while it goes on and after it; what was sealed before it and came late, too."""
    store, ids = await filled(tmp_path)
    hashed, before = store.vault.keyed_hash("patient", "MRN 7"), (tmp_path / "master.key").read_bytes()
    late = make_message()
    sealed = await store.seal_message(late)
    await rotate(store)
    assert (tmp_path / "master.key").read_bytes() != before
    assert (tmp_path / "master.key.old").read_bytes() == before
    await store.commit(Unit(changes=new_message(sealed)))  # wrapped by the old key
    after = make_message()
    await accept(store, after)
    for queue_id in (*ids, late.id, after.id):
        assert await queue.load_body(store, queue_id) == BODY
    assert store.vault.keyed_hash("patient", "MRN 7") == hashed
    with pytest.raises(KeyUnusable, match="restart"):
        await rotate(store)
    await store.close()
    await check(tmp_path, [*ids, late.id, after.id], hashed)


async def test_the_old_key_opens_nothing_afterwards(tmp_path: Path) -> None:
    """KY-04: what a thief of the old key could read is gone from the rows."""
    store, ids = await filled(tmp_path)
    old = Vault(read_key(tmp_path / "master.key"))
    await rotate(store)
    async with store.read() as conn:
        rows = (await conn.execute(sa.select(message.c.id, message.c.wrapped_key))).all()
    assert {row.id for row in rows} == set(ids)
    assert not [row.id for row in rows if old.is_newest(row.wrapped_key, row.id)]
    await store.close()


def test_every_sealed_column_is_known() -> None:
    """A table that is sealed by the master key and not sealed anew would be lost with the old key."""
    sealed = {t.name for t in metadata.tables.values() if {"ciphertext", "wrapped_key"} & set(t.c.keys())}
    assert sealed == {"message", "secret", "decision_record", "decision_correction", "content"}  # content: a data key


@pytest.mark.slow
async def test_killed_at_every_step(tmp_path: Path) -> None:
    """KY-04: kill -9 before each system call and each statement of a rotation; the next start finishes it."""
    home = tmp_path / "home"
    home.mkdir()
    store, ids = await filled(home)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await store.close()
    steps = int(
        subprocess.run(  # noqa: ASYNC221 - nothing else runs on this loop
            [sys.executable, "-m", "tests.gateway.store.rotator", str(home), str(tmp_path)],
            cwd=ROOT, check=True, capture_output=True, text=True, timeout=100,
        ).stdout
    )  # fmt: skip
    assert steps > 20
    for step in range(steps):
        await check(tmp_path / f"killed-{step}", ids, hashed)
