"""The migrated schema is the one that the code uses, and a newer one is left alone."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from gateway.store.errors import SchemaTooNew
from gateway.store.file import database_path
from gateway.store.migrate import MIGRATIONS, prepare
from gateway.store.queue import load_body
from gateway.store.schema import metadata
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import accept, make_entry, make_message, open_store


def test_migrations_lead_to_the_tables_of_the_code(tmp_path: Path) -> None:
    database = database_path(tmp_path)
    prepare(database)
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    database = database_path(tmp_path)
    prepare(database)
    before = dump(database)
    prepare(database)
    assert dump(database) == before


def test_a_path_with_odd_letters_works(tmp_path: Path) -> None:
    """A percent sign is special in Alembic's configuration, a question mark in SQLite's URIs."""
    odd = tmp_path / "50% of ü?#"
    odd.mkdir()
    prepare(database_path(odd))
    assert dump(database_path(odd))


async def test_a_full_queue_survives_a_start(store: Store, home: Home) -> None:
    """QD-20: every migration runs on a queue with messages; nothing is lost, foreign keys hold."""
    for number in range(20):
        await accept(store, make_message(make_entry(f"Q{number}")))
    await store.close()
    before = rows_in(home)
    again = await home.open()
    await again.close()
    assert rows_in(home) == before


async def test_a_queue_of_the_first_version_moves_on(file_store: Store, tmp_path: Path, vault: Vault) -> None:
    """QD-20: what the first schema held is there after all later migrations, and it can be read and delivered."""
    messages = [make_message(make_entry(f"Q{number}")) for number in range(20)]
    for message in messages:
        await accept(file_store, message)
    await file_store.close()
    before = rows_of(database_path(tmp_path), FIRST_TABLES)
    downgrade(database_path(tmp_path), "0001")
    again = await open_store(tmp_path, vault)
    assert [await load_body(again, message.id) for message in messages] == [message.body for message in messages]
    await again.close()
    assert rows_of(database_path(tmp_path), FIRST_TABLES) == before


async def test_a_newer_schema_is_left_alone(store: Store, home: Home) -> None:
    """QD-20: an unknown newer schema is refused and not touched."""
    await store.close()
    home.sql("UPDATE alembic_version SET version_num = '9999'")
    before = rows_in(home)
    with pytest.raises(SchemaTooNew, match="9999"):
        await home.open()
    assert rows_in(home) == before


def test_each_migration_says_what_it_does() -> None:
    files = [file for file in (MIGRATIONS / "versions").glob("*.py") if file.name != "__init__.py"]
    assert files
    assert all(file.name.startswith("r") and file.read_text().startswith('"""') for file in files)


def dump(database: Path) -> list[str]:
    raw = sqlite3.connect(database)
    try:
        return list(raw.iterdump())
    finally:
        raw.close()


def rows_in(home: Home) -> dict[str, list[tuple[str, ...]]]:
    """Everything in every table."""
    tables = ("alembic_version", *metadata.tables)
    return {table: sorted(home.sql(f"SELECT * FROM {table}")) for table in tables}  # noqa: S608


FIRST_TABLES = ("message", "content", "entry", "audit_event", "audit_tree", "person")


def rows_of(database: Path, tables: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
    raw = sqlite3.connect(database)
    try:
        return {table: raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}  # noqa: S608
    finally:
        raw.close()


def downgrade(database: Path, revision: str) -> None:
    """Make the database as an older version left it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, revision)
    engine.dispose()
