"""The store's conformance tests run on every engine: `store` and `home` are on each, `file_store` on SQLite alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.store.store import Store
from tests.gateway.store.homes import Home, file_home, server_home
from tests.postgres import PostgresServer, running_postgres

ENGINES = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.e2e])]
ON_POSTGRESQL = [pytest.mark.slow, pytest.mark.e2e]  # for a module that needs a server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def empty_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with all its tables and nothing in them."""
    home = server_home(tmp_path_factory.mktemp("empty"), postgres, "mailward")

    async def make() -> None:
        await (await home.open()).close()

    asyncio.run(make())
    postgres.sql("DELETE FROM secret; DELETE FROM audit_tree")
    return "mailward"


@pytest.fixture
def server(tmp_path: Path, postgres: PostgresServer, empty_postgres: str) -> Iterator[Home]:
    """A database of its own on PostgreSQL."""
    name = f"t{uuid4().hex}"
    postgres.create(name, template=empty_postgres)
    yield server_home(tmp_path, postgres, name)
    postgres.drop(name)


@pytest.fixture(params=ENGINES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "sqlite":
        return file_home(tmp_path, request.getfixturevalue("empty_database"))
    found: Home = request.getfixturevalue("server")
    return found


@pytest.fixture
async def store(home: Home) -> AsyncIterator[Store]:
    store = await home.open()
    yield store
    await store.close()


@pytest.fixture
async def file_store(tmp_path: Path, empty_database: Path) -> AsyncIterator[Store]:
    store = await file_home(tmp_path, empty_database).open()
    yield store
    await store.close()
