"""What the server does to the store: restarts, crashes, sessions killed in COMMIT. Nothing acknowledged is lost, and
nothing is written twice.

The server of these tests is theirs alone: others would notice.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState
from gateway.store import queue
from gateway.store.errors import RowRefused, StoreFull, StoreSick
from gateway.store.postgres import database
from gateway.store.postgres.database import PostgresDatabase
from gateway.store.rows import destroy_if_finished, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import audit_event
from tests.gateway.store.homes import Home, server_home
from tests.gateway.store.parts import BODY, NOW, accept, make_entry, make_event, make_message
from tests.gateway.waiting import until
from tests.postgres import PostgresServer, running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

ANYTHING = "anything"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def home(own_server: PostgresServer, tmp_path: Path) -> Iterator[Home]:
    own_server.create("trouble")
    yield server_home(tmp_path, own_server, "trouble")
    own_server.drop("trouble")


@pytest.fixture
async def store(home: Home) -> AsyncIterator[Store]:
    store = await home.open()
    yield store
    await store.close()


def is_refusing(store: Store) -> bool:
    return not store.accepting


def sessions(server: PostgresServer, *, waiting_for: str = ANYTHING) -> list[str]:
    """Process ids of the store's writing session, if it waits for something like that."""
    rows = server.sql(
        "SELECT pid, coalesce(wait_event, '') FROM pg_stat_activity JOIN pg_locks USING (pid)"
        " WHERE locktype = 'advisory' AND objid = 1 AND datname = 'trouble'"
    )
    return [pid for pid, event in rows if waiting_for in {event, ANYTHING}]


def terminate(server: PostgresServer, *, waiting_for: str = ANYTHING) -> None:
    for pid in sessions(server, waiting_for=waiting_for):
        server.sql(f"SELECT pg_terminate_backend({pid})")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_is_refused_meanwhile_and_recovered_from(
    store: Store, own_server: PostgresServer, mode: str
) -> None:
    """QD-16: while the server is away new mail is refused and outcomes wait; when it is back all goes on by itself."""
    await accept(store, make_message(make_entry("Q1")))
    await asyncio.to_thread(own_server.stop, mode)
    try:
        with pytest.raises(StoreSick):
            await accept(store, make_message(make_entry("Q2")))
        assert is_refusing(store)
        assert isinstance(store.fault, StoreSick)
        with pytest.raises(StoreSick):
            async with store.read():
                pass
        outcome = asyncio.create_task(store.settle(Unit(events=(make_event("delivery.delivered"),))))
        await asyncio.sleep(0)
        assert not outcome.done()
    finally:
        await asyncio.to_thread(own_server.start)
    async with asyncio.timeout(15):
        await outcome
    assert store.accepting
    assert await queue.load_body(store, "Q1") == BODY
    await accept(store, make_message(make_entry("Q3")))
    assert await events_in(store) == ["message.accepted", "delivery.delivered", "message.accepted"]


async def test_a_restart_between_two_messages_goes_unnoticed(store: Store, own_server: PostgresServer) -> None:
    """Nothing was under way, so there is nothing to refuse."""
    await accept(store, make_message())
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.start)
    await accept(store, make_message())
    assert store.healthy


async def test_a_commit_that_was_done_before_its_answer_was_lost(
    store: Store, own_server: PostgresServer, home: Home
) -> None:
    """QD-16: the server has it on disk and is killed before it says so. It is looked up, not written again."""
    await accept(store, make_message(make_entry("Q1")))
    ended = replace(make_entry("Q1"), state=EntryState.DELIVERED)
    wait_for_nobody(own_server)
    outcome = asyncio.create_task(
        store.settle(
            Unit(changes=(save_entry(ended, release=True), destroy_if_finished("Q1")), events=(make_event("d.d"),))
        )
    )
    await until(lambda: sessions(own_server, waiting_for="SyncRep") != [])
    terminate(own_server)
    own_server.sql("ALTER SYSTEM RESET synchronous_standby_names")
    own_server.sql("SELECT pg_reload_conf()")
    async with asyncio.timeout(20):
        await outcome  # an ending that is written again finds no entry and fails
    assert await events_in(store) == ["message.accepted", "d.d"]
    assert home.sql("SELECT state FROM entry") == [("delivered",)]
    async with asyncio.timeout(15):
        await store.wait_healthy()


async def test_a_commit_that_was_not_done_when_the_session_died(
    store: Store, own_server: PostgresServer, home: Home
) -> None:
    """QD-16: new mail is refused, so its client tries again; an outcome is written once more, and stands there once."""
    await accept(store, make_message(make_entry("Q1")))
    ended = replace(make_entry("Q1"), state=EntryState.DELIVERED)
    with commits_wait(home):
        new = asyncio.create_task(accept(store, make_message(make_entry("Q2"))))
        outcome = asyncio.create_task(
            store.settle(Unit(changes=(save_entry(ended, release=True),), events=(make_event("d.d"),)))
        )
        await until(lambda: sessions(own_server, waiting_for="PgSleep") != [])
        terminate(own_server)
    async with asyncio.timeout(20):
        with pytest.raises(StoreSick, match="not known"):
            await new
        await outcome
    assert await events_in(store) == ["message.accepted", "d.d"]
    assert home.sql("SELECT id FROM message") == [("Q1",)]


async def test_rare_work_whose_answer_was_lost(store: Store, own_server: PostgresServer) -> None:
    """QD-16: a claim that was committed gives its entries, and they are leased once."""
    await accept(store, make_message(make_entry("Q1")))
    wait_for_nobody(own_server)
    claim = asyncio.create_task(queue.claim(store, owner="node-1", now=NOW, lease=MINUTE, limit=9))
    await until(lambda: sessions(own_server, waiting_for="SyncRep") != [])
    terminate(own_server)
    own_server.sql("ALTER SYSTEM RESET synchronous_standby_names")
    own_server.sql("SELECT pg_reload_conf()")
    async with asyncio.timeout(20):
        assert [entry.id for entry in await claim] == ["Q1-1"]
        await store.wait_healthy()
        assert await queue.claim(store, owner="node-2", now=NOW, lease=MINUTE, limit=9) == ()


async def test_a_transaction_of_another_server_is_not_there(store: Store) -> None:
    """QD-16: a standby took over that never got it; its numbers are behind."""
    assert isinstance(store._database, PostgresDatabase)
    assert not await store._database.was_committed(str(2**40))


async def test_a_lost_session_writes_only_with_its_lock(store: Store, own_server: PostgresServer, home: Home) -> None:
    """The lock went with the session, and somebody else has the database now: refused until they are gone."""
    terminate(own_server)
    folder = home.data_dir / "other"
    folder.mkdir()
    other = await home.open(data_dir=folder, node="node-2")
    with pytest.raises(StoreSick, match="taken the database over"):
        await accept(store, make_message())
    await other.close()
    async with asyncio.timeout(15):
        await store.settle(Unit(events=(make_event(),)))


async def test_a_full_server_is_said_to_be_full(store: Store, home: Home) -> None:
    """QD-07: 452 instead of 451 (SQLSTATE 53100)."""
    home.sql(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER no_room BEFORE INSERT ON content EXECUTE FUNCTION no_room()"
    )
    with pytest.raises(StoreFull):
        await accept(store, make_message())
    assert isinstance(store.fault, StoreFull)
    home.sql("DROP TRIGGER no_room ON content")
    async with asyncio.timeout(15):
        await store.wait_healthy()
    await accept(store, make_message())


async def test_collisions_are_tried_again_but_not_for_ever(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock between processes costs one of them its transaction (SQLSTATE 40P01), not its message."""
    home.sql("CREATE SEQUENCE tries")
    home.sql(
        "CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') < 4 THEN"
        " RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER collide AFTER INSERT ON message EXECUTE FUNCTION collide()"
    )
    await accept(store, make_message(make_entry("Q1")))
    assert store.healthy
    home.sql("ALTER SEQUENCE tries RESTART")
    monkeypatch.setattr(database, "TRIES", 2)
    with pytest.raises(StoreSick, match="again and again"):
        await accept(store, make_message(make_entry("Q2")))
    home.sql("DROP TRIGGER collide ON message")


async def test_a_server_that_hangs_is_given_up(store: Store, own_server: PostgresServer, home: Home) -> None:
    """The session's own time limit; and the next statement does not wait in the same line."""

    async def hang(conn: AsyncConnection) -> None:
        await conn.exec_driver_sql("SET LOCAL statement_timeout = '100ms'")
        await conn.exec_driver_sql("SELECT pg_sleep(20)")

    with pytest.raises(StoreSick, match="57014"):
        await store.transact(hang)
    async with asyncio.timeout(15):
        await store.settle(Unit(events=(make_event(),)))


async def test_a_stop_in_doubt_ends_in_time(home: Home, own_server: PostgresServer) -> None:
    """QD-18: the server is gone and does not come back; whoever waits is told that nobody knows."""
    store = await home.open()
    with commits_wait(home):
        new = asyncio.create_task(accept(store, make_message()))
        await until(lambda: sessions(own_server, waiting_for="PgSleep") != [])
        await asyncio.to_thread(own_server.stop, "immediate")
    try:
        async with asyncio.timeout(10):
            await store.close()
        with pytest.raises(StoreSick):
            await new
    finally:
        await asyncio.to_thread(own_server.start)


async def test_a_value_that_has_no_place_fails_alone(store: Store) -> None:
    """PostgreSQL has widths and no NUL where SQLite takes everything: refused, without showing it."""
    for recipient in ("nurse@" + "x" * 400, "nurse@\0x"):
        with pytest.raises(RowRefused) as caught:
            await store.commit(Unit(events=(replace(make_event(), recipient=recipient),)))
        assert "nurse@" not in str(caught.value)
    assert store.healthy


def wait_for_nobody(server: PostgresServer) -> None:
    """Commits reach the disk, and then wait for a standby that there is not."""
    server.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.sql("SELECT pg_reload_conf()")
    while server.sql("SHOW synchronous_standby_names") != [["nobody"]]:  # the server reloads in its own time
        pass


class commits_wait:  # noqa: N801  # read like a function
    """Commits with a message or an ending in them wait before they reach the disk, until the block ends."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def __enter__(self) -> None:
        self._home.sql(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON audit_event DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION wait()"
        )

    def __exit__(self, *args: object) -> None:
        with suppress(AssertionError):  # a server that is gone
            self._home.sql("DROP TRIGGER wait ON audit_event; DROP FUNCTION wait()")


async def events_in(store: Store) -> list[str]:
    async with store.read() as conn:
        rows = await conn.execute(sa.select(audit_event.c.kind).order_by(audit_event.c.seq))
        return list(rows.scalars())
