"""The SQLite file: where it is, how it is opened, and reading it with nothing but Python's own driver.

SQLAlchemy takes longer to load than a command that looks takes to read, so commands that only look do without.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.store.errors import StoreMissing, StoreSick

DATABASE_NAME: Final = "mailward.db"
BUSY_TIMEOUT_S: Final = 5.0  # how long an outside reader or shell may hold the lock before we answer 451 (QD-10)

# name: (value to set, value to read back)
READER_PRAGMAS: Final[Mapping[str, tuple[str, str]]] = {
    "query_only": ("ON", "1"),
    "temp_store": ("MEMORY", "2"),
    "trusted_schema": ("OFF", "0"),
}


def database_path(data_dir: Path) -> Path:
    return data_dir / DATABASE_NAME


def existing_database(data_dir: Path) -> Path:
    """Raises: StoreMissing where there is no database yet."""
    database = database_path(data_dir)
    if not database.exists():
        raise StoreMissing(f"{database}: no database; the gateway has never run here")
    return database


def read_write_uri(database: Path) -> str:
    return f"file:{quote(str(database))}"


def read_only_uri(database: Path) -> str:
    return f"{read_write_uri(database)}?mode=ro"


def connect(uri: str) -> sqlite3.Connection:
    """uri: one of the two above. Transactions are the caller's. Raises: sqlite3.Error."""
    return sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True)


def set_pragmas(cursor: sqlite3.Cursor, pragmas: Mapping[str, tuple[str, str]]) -> None:
    """Set them, and see that they are. Raises: StoreSick when SQLite refuses one."""
    for name, (value, expected) in pragmas.items():
        cursor.execute(f"PRAGMA {name} = {value}")
        cursor.execute(f"PRAGMA {name}")
        (actual,) = cursor.fetchone()
        if str(actual) != expected:
            raise StoreSick(f"SQLite refuses PRAGMA {name} = {value} (it says {actual}); not safe to run")


@contextmanager
def reading_file(database: Path) -> Iterator[sqlite3.Cursor]:
    """A cursor that only reads, while a gateway writes; each statement sees its own snapshot. Raises: StoreSick."""
    try:
        with closing(connect(read_only_uri(database))) as connection:
            cursor = connection.cursor()
            set_pragmas(cursor, READER_PRAGMAS)
            yield cursor
    except sqlite3.Error as error:
        raise StoreSick(f"{database}: cannot be read: {error}") from None
