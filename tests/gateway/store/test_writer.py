"""The one writer: durable, atomic, never cancelled by its callers, and honest about a failing disk."""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState
from gateway.store import domains, engines, queue
from gateway.store.engines import WRITER_PRAGMAS, writer_engine
from gateway.store.errors import MissingRow, RowRefused, StoreClosed, StoreFull, StoreSick
from gateway.store.file import database_path
from gateway.store.rows import new_message, save_entry
from gateway.store.sqlite import SqliteDatabase
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import audit_event, domain_tls, person
from gateway.store.vault import Vault
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import NOW, accept, make_entry, make_event, make_message, open_store


async def events_in(store: Store) -> int:
    async with store.read() as conn:
        count: int = (await conn.execute(sa.select(sa.func.count()).select_from(audit_event))).scalar_one()
    return count


async def test_the_writing_connection_is_set_to_be_durable(tmp_path: Path) -> None:
    """QD-13: every setting is read back; FULL, because NORMAL loses acknowledged commits when the power fails."""
    engine = writer_engine(database_path(tmp_path))
    async with engine.begin() as conn:
        for name, (_, expected) in WRITER_PRAGMAS.items():
            assert str((await conn.exec_driver_sql(f"PRAGMA {name}")).scalar_one()) == expected
    await engine.dispose()
    assert WRITER_PRAGMAS["synchronous"] == ("FULL", "2")


async def test_a_refused_setting_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QD-13: a database that cannot be made durable is not used."""
    monkeypatch.setattr(engines, "WRITER_PRAGMAS", {"synchronous": ("OFF", "2")})
    engine = writer_engine(database_path(tmp_path))
    with pytest.raises(StoreSick, match="synchronous"):
        async with engine.connect():
            pass
    await engine.dispose()


async def test_readers_cannot_write(store: Store) -> None:
    """One writing connection by design (QD-12)."""
    await accept(store, make_message())
    async with store.read() as conn:
        with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
            await conn.execute(sa.delete(audit_event))


async def test_units_of_many_callers_are_all_there(store: Store) -> None:
    """AU-13: concurrent writers, one sequence without gaps."""
    messages = [make_message() for _ in range(200)]
    await asyncio.gather(*(accept(store, message) for message in messages))
    async with store.read() as conn:
        entries = await queue.listing(conn, queue.Filter())
        sequence = (await conn.execute(sa.select(audit_event.c.seq).order_by(audit_event.c.seq))).scalars().all()
    assert {entry.queue_id for entry in entries} == {message.id for message in messages}
    assert sequence == list(range(200))


async def test_a_bad_unit_fails_alone(store: Store) -> None:
    """A batch that one unit spoils is replayed; the others are written, the bad one leaves nothing."""
    await accept(store, make_message(make_entry("Q1")))
    twice = await store.seal_message(make_message(make_entry("Q1")))
    good = [await store.seal_message(make_message()) for _ in range(5)]
    units = [Unit(changes=new_message(sealed), events=(make_event(),)) for sealed in (*good[:2], twice, *good[2:])]
    lost = Unit(changes=(save_entry(make_entry("Q404"), release=True),), events=(make_event(),))
    results = await asyncio.gather(*(store.commit(unit) for unit in (*units, lost)), return_exceptions=True)
    assert [type(result) for result in results] == [
        type(None), type(None), RowRefused, type(None), type(None), type(None), MissingRow
    ]  # fmt: skip
    assert await events_in(store) == 6
    assert store.healthy


async def test_an_error_shows_no_rows(store: Store) -> None:
    """Exception texts reach logs; they hold no address and no ciphertext."""
    await accept(store, make_message(make_entry("Q1")))
    sealed = await store.seal_message(make_message(make_entry("Q1")))
    with pytest.raises(RowRefused) as caught:
        await store.commit(Unit(changes=new_message(sealed)))
    assert "nurse@" not in str(caught.value)


async def test_an_error_of_rare_work_shows_no_rows(store: Store) -> None:
    """The same for registers, and the store is not sick for it."""
    row = {"address": "nurse@clinic.example", "password_hash": "$argon2id$", "role": "user", "created_at": NOW}

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(sa.insert(person), row)

    await store.transact(work)
    with pytest.raises(RowRefused) as caught:
        await store.transact(work, events=lambda _: (make_event(),))
    assert "nurse@" not in str(caught.value)
    assert caught.value.__suppress_context__, "nor does a traceback"
    assert store.healthy
    assert await events_in(store) == 0


async def test_a_cancelled_caller_does_not_cancel_its_unit(store: Store) -> None:
    """QD-04, QD-11: a client that hangs up after the dot leaves a whole message or none, and nobody else wedged."""
    sealed = [await store.seal_message(make_message()) for _ in range(50)]
    tasks = [
        asyncio.create_task(store.commit(Unit(changes=new_message(one), events=(make_event(),)))) for one in sealed
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 25
    await store.commit(Unit(events=(make_event(),)))
    async with store.read() as conn:
        assert len(await queue.listing(conn, queue.Filter())) == 50
    assert await events_in(store) == 51


async def test_a_cancelled_transaction_still_ends_as_a_whole(store: Store) -> None:
    """QD-11: cancelled between BEGIN and COMMIT."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(conn: AsyncConnection) -> None:
        begun.set()
        await go_on.wait()

    task = asyncio.create_task(store.transact(work, events=lambda _: (make_event(),)))
    await begun.wait()
    other = asyncio.create_task(store.commit(Unit(events=(make_event(),))))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await other
    assert await events_in(store) == 2


async def test_work_that_fails_leaves_nothing(store: Store) -> None:
    """AU-07: rows and events of a transaction are one; the sequence has no gap afterwards."""

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(sa.insert(domain_tls), {"domain": "a.example", "seen_at": NOW, "verified": True})
        raise LookupError("no")

    with pytest.raises(LookupError):
        await store.transact(work, events=lambda _: (make_event(),))
    await store.commit(Unit(events=(make_event(),)))
    async with store.read() as conn:
        assert await domains.tls_seen(conn, "a.example") is None
        assert (await conn.execute(sa.select(audit_event.c.seq))).scalars().all() == [0]


@pytest.mark.slow
async def test_a_full_database_is_refused_and_recovers_by_itself(file_store: Store) -> None:
    """QD-07: SQLITE_FULL: nothing of the unit is visible, new mail is refused, outcomes wait, all without restart."""
    await accept(file_store, make_message())
    pages = await pragma(file_store, "page_count")
    await pragma(file_store, f"max_page_count = {pages}")
    big = make_message(body=bytes(900_000))
    with pytest.raises(StoreFull):
        await accept(file_store, big)
    assert is_refusing(file_store)
    with pytest.raises(StoreFull):
        await file_store.seal_message(make_message())
    outcome = asyncio.create_task(file_store.settle(Unit(events=(make_event("delivery.delivered"),))))
    await asyncio.sleep(0)
    assert not outcome.done()
    await lift(file_store, "max_page_count", 1_000_000)
    async with asyncio.timeout(10):
        await file_store.wait_healthy()
        await outcome
    assert file_store.accepting
    async with file_store.read() as conn:
        assert await queue.message_facts(conn, big.id) is None
    await accept(file_store, big)
    assert await queue.load_body(file_store, big.id) == big.body


@pytest.mark.slow
async def test_a_failing_write_is_refused_and_recovers_by_itself(file_store: Store, tmp_path: Path) -> None:
    """QD-06: the operating system refuses a write: an error for that message, later ones fine."""
    await accept(file_store, make_message())
    failed = make_message()
    sealed = await file_store.seal_message(failed)
    with no_file_grows_beyond(database_path(tmp_path).with_name("mailward.db-wal").stat().st_size):
        with pytest.raises(StoreSick):
            await file_store.commit(Unit(changes=new_message(sealed), events=(make_event(),)))
        assert is_refusing(file_store)
    async with asyncio.timeout(10):
        await file_store.wait_healthy()
    async with file_store.read() as conn:
        assert await queue.message_facts(conn, failed.id) is None
    await accept(file_store, make_message())
    assert await events_in(file_store) == 2


@pytest.mark.slow
async def test_an_outside_lock_is_waited_for_then_refused(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QD-10: another program holds the database: StoreSick (451), never a permanent error; then all goes on."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.2)
    store = await open_store(tmp_path, vault)
    shell = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreSick, match="SQLITE_BUSY"):
        await store.commit(Unit(events=(make_event(),)))
    shell.execute("ROLLBACK")
    shell.close()
    async with asyncio.timeout(10):
        await store.settle(Unit(events=(make_event(),)))
    assert await events_in(store) == 1
    await store.close()


async def test_a_deleted_database_stops_everything(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QD-08: SQLite would go on writing into the deleted file; we do not."""
    monkeypatch.setattr("gateway.store.disk.CHECK_EVERY_S", 0.0)
    store = await open_store(tmp_path, vault)
    hidden = tmp_path / "hidden.db"
    database_path(tmp_path).rename(hidden)
    assert is_refusing(store)
    with pytest.raises(StoreSick):
        await store.commit(Unit(events=(make_event(),)))
    hidden.rename(database_path(tmp_path))
    async with asyncio.timeout(10):
        await store.settle(Unit(events=(make_event(),)))
    assert store.accepting
    await store.close()


async def test_below_the_floor_new_mail_waits_but_outcomes_are_recorded(tmp_path: Path, vault: Vault) -> None:
    """QD-07: the floor keeps room for the outcomes of what was already accepted."""
    store = await open_store(tmp_path, vault, free_space_floor=1 << 62)
    assert store.healthy
    assert not store.accepting
    assert isinstance(store.fault, StoreFull)
    with pytest.raises(StoreFull):
        await store.seal_message(make_message())
    await store.commit(Unit(events=(make_event(),)))
    await store.close()


async def test_closing_finishes_what_was_queued(store: Store, home: Home) -> None:
    """QD-18: nothing handed over is lost by a stop, and nothing new is taken."""
    tasks = [asyncio.create_task(store.commit(Unit(events=(make_event(),)))) for _ in range(300)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    with pytest.raises(StoreClosed):
        await store.commit(Unit())
    again = await home.open()
    assert await events_in(again) == 300
    await again.close()


async def test_an_ending_that_finds_no_entry_is_an_error(store: Store) -> None:
    """Invariant 3: an outcome never vanishes silently."""
    entry = make_entry("Q1")
    await accept(store, make_message(entry))
    gone = replace(entry, id="Q1-9", state=EntryState.DELIVERED)
    with pytest.raises(MissingRow):
        await store.commit(Unit(changes=(save_entry(entry, release=True), save_entry(gone, release=True))))


def is_refusing(store: Store) -> bool:
    return not store.accepting


async def pragma(store: Store, text: str) -> Any:
    async def work(conn: AsyncConnection) -> Any:
        return (await conn.exec_driver_sql(f"PRAGMA {text}")).scalar_one()

    return await store.transact(work)


async def lift(store: Store, name: str, value: int) -> None:
    """Set a limit of the writing connection while the store refuses all work."""
    database = store._database
    assert isinstance(database, SqliteDatabase)
    async with database.engine.connect() as conn:
        await conn.exec_driver_sql(f"PRAGMA {name} = {value}")
        await conn.rollback()


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """Make the kernel answer EFBIG (Python ignores SIGXFSZ); SQLite calls it an I/O error."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
