"""A PostgreSQL of our own in a temporary folder: a unix socket, no port, nothing shared with the system's."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.tools import need

USER: Final = "mailward"
DATABASE: Final = "mailward"
SYSTEM_USER: Final = "postgres"  # whom the server runs as when the tests run as root, which it refuses to be
DEBIAN: Final = Path("/usr/lib/postgresql")  # not on PATH: one folder a version
CONFIGURATION: Final = """
listen_addresses = ''
max_connections = 40
shared_buffers = 32MB
log_min_messages = warning
autovacuum = off
"""


class PostgresServer:
    """Made stopped, with an empty database; use `running_postgres`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._bin = _binaries()
        self.port = 5432  # of the socket's name, and of TCP once it listens there
        _call([
            *_as_user(), self._bin / "initdb", "--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8",
            "--locale=C", f"--pgdata={self._data}",
        ])  # fmt: skip
        self.configure(unix_socket_directories=str(folder))
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION)
        self.start()
        self.create(DATABASE)

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self.folder), safe='')}&port={self.port}"

    def configure(self, **settings: str) -> None:
        """Takes effect with the next start."""
        self.port = int(settings.get("port", self.port))
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def add_file(self, name: str, content: bytes) -> None:
        """A file beside the data that is the server's alone, such as `server.key`."""
        path = self._data / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        if _as_user():
            shutil.chown(path, SYSTEM_USER)

    def allow_only(self, *rules: str) -> None:
        """Lines of pg_hba.conf; takes effect with the next start."""
        (self._data / "pg_hba.conf").write_text("\n".join(rules) + "\n")

    def start(self) -> None:
        self._control("start", "--wait", f"--log={self.folder / 'log'}")

    def stop(self, mode: str = "fast") -> None:
        """mode: fast ends all sessions in order; immediate is a crash."""
        self._control("stop", "--wait", f"--mode={mode}")

    def create(self, name: str, *, template: str = "template0") -> str:
        """Make a database. Returns: its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"', database="postgres")
        return self.url(name)

    def drop(self, name: str) -> None:
        self.sql(f'DROP DATABASE "{name}" WITH (FORCE)', database="postgres")

    def sql(self, text: str, *, database: str = DATABASE) -> list[list[str]]:
        """Run statements from outside. Returns: rows, all values as text."""
        out = _call(
            [self._bin / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
             f"--host={self.folder}", f"--port={self.port}", f"--username={USER}", f"--dbname={database}",
             f"--command={text}"],
        )  # fmt: skip
        return [line.split("|") for line in out.splitlines() if line]

    def _control(self, *arguments: str) -> None:
        _call([*_as_user(), self._bin / "pg_ctl", f"--pgdata={self._data}", *arguments])


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """One that ends with the block. Its folder has a short name: a socket's path has room for 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="mw-pg-"))
    try:
        if _as_user():
            shutil.chown(folder, SYSTEM_USER)
        folder.chmod(0o755)  # others may connect
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return (found[-1] if found else Path(need("initdb"))).parent


def _as_user() -> list[str]:
    return [need("runuser"), "-u", SYSTEM_USER, "--"] if os.geteuid() == 0 else []


def _call(command: list[str | Path]) -> str:
    environment: Mapping[str, str] = {**os.environ, "LC_ALL": "C"}
    with tempfile.TemporaryFile("w+") as out:  # no pipe: the server inherits it from pg_ctl and would hold it open
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False, timeout=60, cwd="/",
            env=environment,
        )  # fmt: skip
        out.seek(0)
        text = out.read()
    assert done.returncode == 0, text
    return text
