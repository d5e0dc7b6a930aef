"""A store on a fresh directory, for every room that works on one."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.file import database_path
from gateway.store.migrate import prepare
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.parts import open_store


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all its tables and nothing in them: making them takes longer than most tests do."""
    folder = tmp_path_factory.mktemp("empty")
    prepare(database_path(folder))
    return database_path(folder)


@pytest.fixture
async def store(tmp_path: Path, vault: Vault, empty_database: Path) -> AsyncIterator[Store]:
    database_path(tmp_path).touch(mode=0o600)
    shutil.copyfile(empty_database, database_path(tmp_path))
    store = await open_store(tmp_path, vault)
    yield store
    await store.close()
