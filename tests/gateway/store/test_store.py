"""Opening and closing a store: one process, the right key, a sound file."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config.model import Seal
from gateway.store import queue
from gateway.store.errors import (
    DamagedStore,
    KeyMismatch,
    StoreClosed,
    StoreLocked,
    StoreSick,
    StoreUnsupported,
)
from gateway.store.file import database_path
from gateway.store.statements import Unit
from gateway.store.store import Store, open_vault
from gateway.store.vault import Vault
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import BODY, accept, files_of, make_entry, make_event, make_message, open_store

MINUTE = timedelta(minutes=1)


async def test_one_process_holds_the_directory(store: Store, home: Home) -> None:
    with pytest.raises(StoreLocked):
        await home.open()
    await store.close()
    again = await home.open()
    await again.close()


async def test_another_master_key_does_not_start(store: Store, home: Home) -> None:
    """KY-05: wrong key: refused, nothing changed, and the directory is free again; the right key still works."""
    await accept(store, make_message(make_entry("Q1")))
    await store.close()
    with pytest.raises(KeyMismatch):
        await home.open(vault=Vault(bytes(32)))
    again = await home.open()
    assert await queue.load_body(again, "Q1") == BODY
    await again.close()


async def test_a_lost_master_key_is_not_replaced(tmp_path: Path) -> None:
    """KY-05: once a database exists, a missing key file stops the start and stays missing."""
    key_file = tmp_path / "master.key"
    vault = await open_vault("sqlite", seal=Seal(master_key=key_file), data_dir=tmp_path)
    store = await open_store(tmp_path, vault)
    await store.close()
    key_file.unlink()
    with pytest.raises(KeyMismatch):
        await open_vault("sqlite", seal=Seal(master_key=key_file), data_dir=tmp_path)
    assert not key_file.exists()


async def test_a_corrupt_database_does_not_start(file_store: Store, tmp_path: Path, vault: Vault) -> None:
    """QD-09: flipped bytes are found by quick_check; a file that is no database is refused."""
    for _ in range(30):
        await accept(file_store, make_message(body=bytes(5000)))
    await file_store.close()
    database = database_path(tmp_path)
    data = bytearray(database.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    database.write_bytes(data)
    with pytest.raises(DamagedStore):
        await open_store(tmp_path, vault)
    database.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(DamagedStore):
        await open_store(tmp_path, vault)


async def test_files_are_for_the_service_user_only(tmp_path: Path, vault: Vault) -> None:
    store = await open_store(tmp_path, vault)
    await store.commit(Unit(events=(make_event(),)))
    assert {file.stat().st_mode & 0o077 for file in files_of(tmp_path)} == {0}
    await store.close()


async def test_a_closed_store_takes_no_work(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreClosed):
        await store.commit(Unit(events=(make_event(),)))


async def test_a_missing_driver_is_refused_in_words(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncpg is an extra; without it PostgreSQL cannot be used, and the message names the extra."""
    for name in [name for name in sys.modules if name.startswith("gateway.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreUnsupported, match=r'store\.url.*pip install "mailward\[postgres\]"'):
        await Store.open(url="postgresql://localhost/mailward", data_dir=tmp_path, vault=vault, node="n")


async def test_a_database_that_cannot_be_read_is_a_sick_store(file_store: Store, tmp_path: Path) -> None:
    """QD-08: readers hear it in the store's words, and nothing of the path or the query leaks as a driver's error."""
    database_path(tmp_path).rename(tmp_path / "hidden.db")
    with pytest.raises(StoreSick, match="SQLITE_CANTOPEN"):
        async with file_store.read():
            pass
    (tmp_path / "hidden.db").rename(database_path(tmp_path))
