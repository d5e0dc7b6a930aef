"""Bring a database to the newest schema, in one transaction, before anything else opens it.

How this works on SQLite: foreign keys are switched off before BEGIN, because SQLite ignores the switch inside a
transaction and `batch_alter_table` on a parent with them on deletes its children silently; `foreign_key_check` then
guards the commit.
The caller holds the lock of data_dir, so no other process migrates or writes at the same time.
"""

import sqlite3
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from gateway.store.errors import DamagedStore, SchemaTooNew
from gateway.store.faults import environment_fault

CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def prepare(database: Path) -> None:
    """Check the file and migrate it; blocking, run it in a thread.

    Raises: DamagedStore when SQLite finds the file corrupt or rows without parents; SchemaTooNew;
    StoreFull or StoreSick when it cannot be written.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(database)),
        poolclass=sa.pool.NullPool,
        connect_args={"isolation_level": None},
        hide_parameters=True,
    )
    try:
        with engine.connect() as conn:
            _quick_check(conn, database)
            _migrate(conn, database)
    except sa.exc.DatabaseError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in CORRUPT:
            raise DamagedStore(f"{database}: {error.orig}; restore a backup") from error
        raise environment_fault(error) or error from error


def _quick_check(conn: sa.Connection, database: Path) -> None:
    """QD-09: refuse a corrupt file at start rather than run on it."""
    answer = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if answer != "ok":
        raise DamagedStore(f"{database}: the database is corrupt; restore a backup")


def _migrate(conn: sa.Connection, database: Path) -> None:
    conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
    conn.exec_driver_sql("BEGIN IMMEDIATE")
    upgrade(conn, str(database))
    if conn.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise DamagedStore(f"{database}: a migration left rows without parents and was undone; restore a backup")
    conn.commit()


def upgrade(conn: sa.Connection, where: str) -> None:
    """Run the missing migrations in the transaction of a connection. where: how messages call the database.

    Raises: SchemaTooNew.
    """
    current = MigrationContext.configure(conn).get_current_revision()
    if current == _scripts().get_current_head():
        return
    if current is not None and not _is_known(current):
        raise SchemaTooNew(f"{where}: schema {current} was made by a newer Mailward; install that version")
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def is_newest(conn: sa.Connection) -> bool:
    """Whether no migration is missing, and none is unknown."""
    return MigrationContext.configure(conn).get_current_revision() == _scripts().get_current_head()


@cache
def _scripts() -> ScriptDirectory:
    """The migrations, read once in a process: it takes as long as all else that opening a database does."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _is_known(revision: str) -> bool:
    try:
        return _scripts().get_revision(revision) is not None
    except CommandError:
        return False
