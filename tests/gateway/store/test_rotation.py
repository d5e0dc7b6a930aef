"""Rotation of the master key (KY-04)."""

import asyncio
import base64
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import decisions, opening, queue, rotation
from gateway.store.errors import KeyMismatch, KeyUnusable
from gateway.store.file import database_path
from gateway.store.register_tables import decision_record
from gateway.store.rotation import rotate
from gateway.store.rows import new_message
from gateway.store.schema import metadata
from gateway.store.sealed import read_secret, write_secret
from gateway.store.sqlite import SqliteDatabase
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import message
from gateway.store.times import micros
from gateway.store.vault import Vault, read_key
from tests.gateway.config.samples import settings_in
from tests.gateway.store.parts import BODY, NOW, accept, make_message, open_store
from tests.gateway.store.rotator import PRINTED, open_printed

ROOT = Path(__file__).parents[3]
SECRET = "a secret"


def open_vault(folder: Path) -> Vault:
    if (folder / PRINTED).exists():
        return open_printed(folder)
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


def listen(store: Store) -> list[tuple[str, Any]]:
    """What the writing connection is asked from now on, each with the values, of many only the first."""
    said: list[tuple[str, Any]] = []

    def hear(_conn: Any, _cursor: Any, text: str, values: Any, _context: Any, is_many: bool) -> None:
        said.append((text, values[0] if is_many else values))

    sa.event.listen(writer(store).engine.sync_engine, "before_cursor_execute", hear)
    return said


def writer(store: Store) -> SqliteDatabase:
    assert isinstance(store._database, SqliteDatabase)
    return store._database


async def check(folder: Path, ids: list[str], hashed: str) -> None:
    """A start finishes what was begun: everything opens, and by the one key that is left."""
    vault = open_vault(folder)
    store = await open_store(folder, vault)
    try:
        if vault.has_others:
            await rotation.finish(store, is_quiet=True)
        left = await asyncio.to_thread(lambda: [path.name for path in folder.glob("master.key*")])
        assert left == ([] if vault.command else ["master.key"])
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


@pytest.mark.slow
async def test_each_row_is_found_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KY-04: thousands of rows take a statement a page and no search of the table; between pages others may write."""
    monkeypatch.setattr(rotation, "AT_ONCE", 100)
    store, _ = await filled(tmp_path)
    vault = store.vault
    rows = [
        {
            "queue_id": f"Q{number // 2}", "at": (at := NOW + timedelta(microseconds=number)), "cause": "accepted",
            "policy_id": "p", "master_key_id": vault.key_id,
            "ciphertext": vault.seal_row(decisions.RECORD, decisions._place(f"Q{number // 2}", at), b"%d" % number),
        }
        for number in range(2000)
    ]  # fmt: skip

    async def fill(conn: AsyncConnection) -> None:
        await conn.execute(sa.insert(decision_record), rows)

    await store.transact(fill)
    said = listen(store)
    turns, transact = [], SqliteDatabase.transact

    async def counted(self: SqliteDatabase, work: Any, events: Any) -> Any:
        turns.append(work)
        return await transact(self, work, events)

    monkeypatch.setattr(SqliteDatabase, "transact", counted)
    await rotate(store)
    about = [(text, values) for text, values in said if "decision_record" in text]
    assert len(about) == 2 * 21 + 1  # 2,001 rows: a query and a change for each page, and a last query
    assert len(turns) > 21
    for text, values in (next(one for one in about if one[0].startswith("UPDATE")), about[-1]):
        with closing(sqlite3.connect(database_path(tmp_path))) as raw:
            plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", values)]
        assert len(plan) == 1, plan  # no sorting
        assert plan[0].startswith("SEARCH decision_record USING INDEX sqlite_autoindex_decision_record_1"), plan
    async with store.read() as conn:
        c = decision_record.c
        found = (await conn.execute(sa.select(c.queue_id, c.at, c.ciphertext, c.master_key_id))).all()
    newest = Vault(read_key(tmp_path / "master.key"))
    assert {one.master_key_id for one in found} == {newest.key_id}
    opened = {newest.open_row(decisions.RECORD, decisions._place(one[0], one[1]), one[2]) for one in found}
    assert opened == {b"%d" % number for number in range(2000)} | {b"decided"}
    await store.close()


@pytest.mark.slow
async def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """KY-04: the next start goes over what a rotation has finished, and seals nothing anew."""
    store, ids = await filled(tmp_path)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await rotate(store)
    await store.close()
    store = await open_store(tmp_path, open_vault(tmp_path))
    said = listen(store)
    await rotation.finish(store, is_quiet=True)
    assert said
    assert [text for text, _ in said if not text.startswith(("SELECT", "BEGIN", "COMMIT"))] == []
    await store.close()
    await check(tmp_path, ids, hashed)


async def test_one_rotation_at_a_time(tmp_path: Path) -> None:
    """KY-04: a second one that begins while the files change places would put a third key over the second."""
    store, ids = await filled(tmp_path)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    done = await asyncio.gather(rotate(store), rotate(store), return_exceptions=True)
    assert [type(one) for one in done if not isinstance(one, str)] == [KeyUnusable]
    await store.close()
    await check(tmp_path, ids, hashed)


async def test_who_may_have_company_does_not_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KY-04: other gateways do not have the new key, and would hold all mail; and the old one may be in use there."""
    store, _ = await filled(tmp_path)
    monkeypatch.setattr(SqliteDatabase, "is_alone", False)
    with pytest.raises(KeyUnusable, match="other gateways"):
        await rotate(store)
    assert [path.name for path in tmp_path.glob("master.key*")] == ["master.key"]  # noqa: ASYNC240 - one folder
    monkeypatch.undo()
    await rotate(store)
    await store.close()
    monkeypatch.setattr(SqliteDatabase, "is_alone", False)
    settings = settings_in(tmp_path)
    await (await opening.open_store(settings, node="n")).close()
    assert (tmp_path / "master.key.old").exists()
    monkeypatch.undo()
    await (await opening.open_store(settings, node="n")).close()
    assert not (tmp_path / "master.key.old").exists()


async def test_who_only_looks_finds_by_the_hashes_on_file(tmp_path: Path) -> None:
    """KY-04: else a report about one patient would be empty after a rotation, and nobody would see why."""
    store, _ = await filled(tmp_path)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await rotate(store)
    async with opening.reading_sealed(settings_in(tmp_path)) as reader:
        assert reader.vault.keyed_hash("patient", "MRN 7") == hashed
    await store.close()


def test_every_sealed_column_is_known() -> None:
    """A table that is sealed by the master key and not sealed anew would be lost with the old key."""
    sealed = {t.name for t in metadata.tables.values() if {"ciphertext", "wrapped_key"} & set(t.c.keys())}
    assert sealed == {"message", "secret", "decision_record", "decision_correction", "content"}  # content: a data key


def killed_at_every_step(home: Path, folder: Path) -> int:
    """A rotation of copies of a home, killed before each step. Returns: how many; `folder` has what each left."""
    command = [sys.executable, "-m", "tests.gateway.store.rotator", str(home), str(folder)]
    steps = int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=100).stdout)
    assert steps > 20
    return steps


@pytest.mark.slow
async def test_killed_at_every_step(tmp_path: Path) -> None:
    """KY-04: kill -9 before each system call and each statement of a rotation; the next start finishes it."""
    home = tmp_path / "home"
    home.mkdir()
    store, ids = await filled(home)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await store.close()
    steps = await asyncio.to_thread(killed_at_every_step, home, tmp_path)
    for step in range(steps):
        await check(tmp_path / f"killed-{step}", ids, hashed)


# --- keys that a command prints ---------------------------------------------------------------------------------------


def print_keys(file: Path, *keys: bytes) -> None:
    file.write_bytes(b"".join(base64.b64encode(key) + b"\n" for key in keys))


OLD, NEW = bytes(range(32)), bytes(range(50, 82))


async def check_printed(folder: Path, ids: list[str], hashed: str) -> None:
    """A start with both keys finishes what was begun; then the new one alone opens everything."""
    print_keys(folder / PRINTED, NEW, OLD)
    store = await opening.open_store(settings_in(folder, command_of(folder)), node="n")
    assert store.vault.keyed_hash("patient", "MRN 7") == hashed
    async with store.read() as conn:
        assert await rotation.noted_keys(conn) == set()
    await store.close()
    print_keys(folder / PRINTED, NEW)
    await check(folder, ids, hashed)


def command_of(folder: Path) -> str:
    return f'[seal]\nmaster_key_command = ["/bin/cat", "{folder / PRINTED}"]\n'


async def test_keys_that_a_command_prints_are_rotated_while_mail_goes_on(tmp_path: Path) -> None:
    """KY-04: the new key is printed before the old one; what came late is by the old one until the next start."""
    print_keys(tmp_path / PRINTED, OLD)
    store, ids = await filled(tmp_path)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    with pytest.raises(KeyUnusable, match="prints the key in use alone"):
        await rotate(store)
    print_keys(tmp_path / PRINTED, NEW)
    with pytest.raises(KeyUnusable, match="no longer prints key"):
        await rotate(store)
    print_keys(tmp_path / PRINTED, NEW, OLD)
    late = make_message()
    sealed = await store.seal_message(late)
    assert await rotate(store) == "/bin/cat"
    with pytest.raises(KeyUnusable, match="restart the gateway first"):
        await rotate(store)
    await store.commit(Unit(changes=new_message(sealed)))  # wrapped by the old key
    for queue_id in (*ids, late.id):
        assert await queue.load_body(store, queue_id) == BODY
    assert store.vault.keyed_hash("patient", "MRN 7") == hashed
    await store.close()
    for keys in ((NEW,), (OLD,)):  # either would lose something
        print_keys(tmp_path / PRINTED, *keys)
        with pytest.raises(KeyMismatch):
            await opening.open_store(settings_in(tmp_path, command_of(tmp_path)), node="n")
    await check_printed(tmp_path, [*ids, late.id], hashed)


async def test_a_start_with_a_new_key_rotates(tmp_path: Path) -> None:
    """KY-04: without `mailward key master rotate`; hashes on file are still found, also by who only looks."""
    print_keys(tmp_path / PRINTED, OLD)
    store, ids = await filled(tmp_path)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await store.close()
    print_keys(tmp_path / PRINTED, NEW, OLD)
    async with opening.reading_sealed(settings_in(tmp_path, command_of(tmp_path))) as reader:
        assert reader.vault.keyed_hash("patient", "MRN 7") == hashed
    await check_printed(tmp_path, ids, hashed)


async def test_a_spare_key_that_sealed_nothing_changes_nothing(tmp_path: Path) -> None:
    """KY-04: printed after the one in use, it only opens; no start seals anything anew."""
    print_keys(tmp_path / PRINTED, OLD, NEW)
    store, _ = await filled(tmp_path)
    said = listen(store)
    await rotation.finish(store, is_quiet=True)
    assert said == []
    await store.close()


@pytest.mark.slow
async def test_killed_at_every_step_with_a_command(tmp_path: Path) -> None:
    """KY-04: as above, with keys that a program prints; and no start with one of them alone loses anything."""
    home = tmp_path / "home"
    home.mkdir()
    print_keys(home / PRINTED, OLD)
    print_keys(home / f"{PRINTED}.new", NEW, OLD)
    store, ids = await filled(home)
    hashed = store.vault.keyed_hash("patient", "MRN 7")
    await store.close()
    steps = await asyncio.to_thread(killed_at_every_step, home, tmp_path)
    refused = 0
    for step in range(steps):
        folder = tmp_path / f"killed-{step}"
        print_keys(folder / PRINTED, (OLD, NEW)[step % 2])
        refused += await is_refused_or_whole(folder, ids)
        await check_printed(folder, ids, hashed)
    assert refused > steps / 2


async def is_refused_or_whole(folder: Path, ids: list[str]) -> bool:
    """Whether a start with the wrong keys is refused; else all mail opens."""
    try:
        store = await opening.open_store(settings_in(folder, command_of(folder)), node="n")
    except KeyMismatch:
        return True
    try:
        for queue_id in ids:
            assert await queue.load_body(store, queue_id) == BODY
    finally:
        await store.close()
    return False
