"""Where a store of the conformance tests lives: a file, or a database on a PostgreSQL of the tests."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.store.file import database_path
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.postgres import PostgresServer

KEY: Final = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Home:
    """A place to open a store in, again and again, and to look at from outside.

    sql: run one statement beside the store and get rows, all values as text.
    """

    url: str
    data_dir: Path
    sql: Callable[[str], list[tuple[str, ...]]]

    async def open(self, **options: Any) -> Store:
        values: dict[str, Any] = {
            "url": self.url, "data_dir": self.data_dir, "vault": Vault(KEY), "node": "node-1", "free_space_floor": 0,
        }  # fmt: skip
        return await Store.open(**(values | options))


def file_home(data_dir: Path, template: Path) -> Home:
    """SQLite. template: a database to begin with."""
    database = database_path(data_dir)
    database.touch(mode=0o600)
    shutil.copyfile(template, database)

    def sql(text: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(database)) as raw, raw:
            return [tuple(map(str, row)) for row in raw.execute(text)]

    return Home("sqlite", data_dir, sql)


def server_home(data_dir: Path, server: PostgresServer, name: str) -> Home:
    """PostgreSQL. name: a database that is there."""

    def sql(text: str) -> list[tuple[str, ...]]:
        return [tuple(row) for row in server.sql(text, database=name)]

    return Home(server.url(name), data_dir, sql)
