"""Who is let in to write: a server that keeps what it commits, a database that sorts by bytes, a way that is safe."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import trustme
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.model import Seal
from gateway.store.errors import DamagedStore, KeyMismatch, StoreMissing, StoreSick
from gateway.store.postgres.connect import reader_engine
from gateway.store.schema import metadata
from gateway.store.statements import Unit
from gateway.store.store import Store, open_reader, open_vault
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import accept, make_event, make_message
from tests.gateway.waiting import until
from tests.postgres import PostgresServer, running_postgres
from tests.tools import free_port

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


async def setting(store: Store, name: str) -> str:
    async def work(conn: AsyncConnection) -> str:
        return str((await conn.execute(sa.text(f"SHOW {name}"))).scalar_one())

    return await store.transact(work)


async def test_commits_that_do_not_wait_for_the_disk_are_refused(server: Home) -> None:
    """QD-16: with synchronous_commit off a crash of the server loses the last acknowledged messages."""
    name = server.url.partition("@/")[2].partition("?")[0]
    server.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with pytest.raises(StoreSick, match="synchronous_commit is off"):
        await server.open()
    server.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = local')
    store = await server.open()
    assert await setting(store, "synchronous_commit") == "local"
    await store.close()


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
async def test_a_server_that_does_not_sync_is_refused(server: Home, postgres: PostgresServer, name: str) -> None:
    """QD-13, QD-16: such a server is for tests."""
    postgres.sql(f"ALTER SYSTEM SET {name} = off")
    postgres.sql("SELECT pg_reload_conf()")
    try:
        await until(lambda: postgres.sql(f"SHOW {name}") == [["off"]])
        with pytest.raises(StoreSick, match=f"{name} is off"):
            await server.open()
    finally:
        postgres.sql(f"ALTER SYSTEM RESET {name}")
        postgres.sql("SELECT pg_reload_conf()")
    await until(lambda: postgres.sql(f"SHOW {name}") == [["on"]])


async def test_a_reload_does_not_change_a_running_store(server: Home, postgres: PostgresServer) -> None:
    """QD-16: the setting that was looked at stays that of the session."""
    store = await server.open()
    postgres.sql("ALTER SYSTEM SET synchronous_commit = off")
    postgres.sql("SELECT pg_reload_conf()")
    try:
        await until(lambda: postgres.sql("SHOW synchronous_commit") == [["off"]])
        assert await setting(store, "synchronous_commit") == "on"
    finally:
        postgres.sql("ALTER SYSTEM RESET synchronous_commit")
        postgres.sql("SELECT pg_reload_conf()")
    await until(lambda: postgres.sql("SHOW synchronous_commit") == [["on"]])
    await store.close()


@pytest.mark.parametrize(
    "made_with",
    ["ENCODING 'LATIN1' LOCALE 'C'", "ENCODING 'SQL_ASCII' LOCALE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'en'"],
)
async def test_another_encoding_or_order_is_refused(
    server: Home, postgres: PostgresServer, tmp_path: Path, made_with: str
) -> None:
    """Pages of the queue go by the order of ids, and an index must not change with the system's dictionaries."""
    postgres.sql(f"CREATE DATABASE odd TEMPLATE template0 {made_with}", database="postgres")
    try:
        with pytest.raises(StoreSick, match="createdb --template=template0 --encoding=UTF8 --locale=C"):
            await server.open(url=postgres.url("odd"))
    finally:
        postgres.drop("odd")


async def test_the_schema_is_that_of_the_code(server: Home) -> None:
    """As `test_migrate` has it for SQLite."""

    def compare(conn: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata))

    await (await server.open()).close()
    engine = reader_engine(server.url)
    async with engine.connect() as conn:
        assert await conn.run_sync(compare) == []
    await engine.dispose()


async def test_a_cut_log_does_not_go_on(server: Home) -> None:
    """AU-02: a start on a log that lost its tail is refused, or the next events would hide the cut."""
    store = await server.open()
    await store.commit(Unit(events=tuple(make_event() for _ in range(10))))
    await store.close()
    server.sql("DELETE FROM audit_event WHERE seq >= 8")
    with pytest.raises(DamagedStore, match="audit"):
        await server.open()


async def test_a_key_is_made_for_an_empty_database_only(server: Home, postgres: PostgresServer, tmp_path: Path) -> None:
    """KY-05: what is in data_dir says nothing about what the database holds."""
    key_file = tmp_path / "master.key"
    postgres.create("fresh")
    try:
        url = postgres.url("fresh")
        with pytest.raises(StoreMissing):
            await open_reader(url, data_dir=tmp_path)
        vault = await open_vault(url, seal=Seal(master_key=key_file), data_dir=tmp_path)
        await (await server.open(url=url, vault=vault)).close()
        key_file.unlink()
        with pytest.raises(KeyMismatch):
            await open_vault(url, seal=Seal(master_key=key_file), data_dir=tmp_path)
        assert not key_file.exists()
    finally:
        postgres.drop("fresh")


@pytest.mark.parametrize("url", ["postgresql://mailward@127.0.0.1:1/x", "postgresql://mailward@/x?host=/nonexistent"])
async def test_a_server_that_is_not_there(server: Home, url: str) -> None:
    with pytest.raises(StoreSick, match="cannot be reached"):
        await server.open(url=url)
    with pytest.raises(StoreSick, match="cannot be reached"):
        await open_vault(url, seal=Seal(master_key=server.data_dir / "k"), data_dir=server.data_dir)


async def test_a_database_or_a_role_that_is_not_there(server: Home) -> None:
    for wrong in (server.url.replace("mailward@", "nobody@"), server.url.replace("@/", "@/no")):
        with pytest.raises(StoreSick, match="does not exist"):
            await server.open(url=wrong)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server with TLS on a port of this machine, and a role with a password."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    port = free_port()
    with running_postgres() as server:
        authority.cert_pem.write_to_path(str(server.folder / "ca.pem"))
        trustme.CA().cert_pem.write_to_path(str(server.folder / "other.pem"))
        server.stop()
        server.add_file("server.crt", b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        server.add_file("server.key", leaf.private_key_pem.bytes())
        server.configure(listen_addresses="localhost", port=str(port), ssl="on", ssl_min_protocol_version="TLSv1.2")
        server.allow_only("hostssl all guarded all scram-sha-256", "local all all trust")
        server.start()
        server.sql("CREATE ROLE guarded LOGIN PASSWORD 'hunter2'; ALTER DATABASE mailward OWNER TO guarded")
        yield server


def guarded_url(server: PostgresServer, *, password: str = "", ca: str = "ca.pem", **more: str) -> str:
    who = f"guarded:{password}" if password else "guarded"
    query = "&".join([f"sslmode=verify-full&sslrootcert={server.folder / ca}", *(f"{k}={v}" for k, v in more.items())])
    return f"postgresql://{who}@localhost:{server.port}/mailward?{query}"


async def test_a_password_comes_from_a_file_and_the_server_is_verified(
    server: Home, guarded: PostgresServer, tmp_path: Path
) -> None:
    """The URL holds no secret; the certificate belongs to the name that it was asked for."""
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text("localhost:*:mailward:guarded:hunter2\n")
    store = await server.open(url=guarded_url(guarded, passfile=str(passfile)))
    await accept(store, make_message())

    async def cipher(conn: AsyncConnection) -> str:
        statement = sa.text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return str((await conn.execute(statement)).scalar_one())

    assert await store.transact(cipher) == "TLSv1.3"
    await store.close()


async def test_a_wrong_password_is_named_but_not_shown(server: Home, guarded: PostgresServer) -> None:
    with pytest.raises(StoreSick, match="password authentication failed") as caught:
        await server.open(url=guarded_url(guarded, password="hunter3"))
    assert "hunter3" not in str(caught.value)


async def test_a_server_with_another_certificate_gets_no_password(server: Home, guarded: PostgresServer) -> None:
    """Somebody in between, or another machine."""
    for url in (
        guarded_url(guarded, password="hunter2", ca="other.pem"),
        guarded_url(guarded, password="hunter2").replace("@localhost:", "@127.0.0.1:"),
    ):
        with pytest.raises(StoreSick, match=r"(?i)certificate"):
            await server.open(url=url)


async def test_one_reader_does_not_hold_up_another(server: Home) -> None:
    """More readers at once than there are connections; none keeps one for longer than it reads."""
    store = await server.open()

    async def read() -> int:
        async with store.read() as conn:
            return int((await conn.execute(sa.text("SELECT 1"))).scalar_one())

    assert await asyncio.gather(*(read() for _ in range(30))) == [1] * 30
    await store.close()
