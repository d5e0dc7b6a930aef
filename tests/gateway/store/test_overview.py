"""Listing and filtering the queue, on each engine; a hundred thousand of them within a second."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.message.entry import EntryState, MessageKind
from gateway.store import queue
from gateway.store.fetching import through
from gateway.store.overview import BRIEF, FULL, matching, overview
from gateway.store.queue import Filter
from gateway.store.rows import new_message
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.times import moment
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import NOW, make_entry, make_message

MANY = 100_000


@pytest.fixture
async def ids(store: Store) -> Sequence[str]:
    """Entries that differ in everything that can be asked for."""
    base = make_entry("Q1", 1)
    entries = [
        replace(base, sender="Nurse@clinic.example", recipient="Pat@b.example"),
        replace(base, id="Q2-1", queue_id="Q2", sender="ehr@other.example", recipient="kim@b.example"),
        replace(base, id="Q3-1", queue_id="Q3", state=EntryState.HELD, queued_at=NOW - timedelta(hours=5)),
        replace(base, id="Q4-1", queue_id="Q4", state=EntryState.DELIVERED, recipient="kim@d_example"),
        replace(base, id="Q5-1", queue_id="Q5", kind=MessageKind.DSN, sender=""),
    ]
    for entry in entries:
        message = make_message(entry)
        await store.commit(Unit(changes=new_message(await store.seal_message(message))))
    return [entry.id for entry in entries]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Filter(), "12345"),
        (Filter(states=queue.UNFINISHED), "1235"),
        (Filter(queue_id="Q2"), "2"),
        (Filter(ids=["Q1-1", "Q4-1", "Q9-1"]), "14"),
        (Filter(sender="nurse@CLINIC.example"), "134"),
        (Filter(sender="*@other.example"), "2"),
        (Filter(sender="*@ther.example"), ""),
        (Filter(recipient="pat@b.example"), "1"),
        (Filter(domain="B.example", states=[EntryState.QUEUED]), "12"),
        (Filter(domain="d%example"), ""),
        (Filter(until=NOW - timedelta(hours=4)), "3"),
        (Filter(since=NOW - timedelta(hours=4), kinds=[MessageKind.MAIL]), "124"),
        (Filter(domain="b.example' OR '1'='1"), ""),
    ],
)
async def test_filters(store: Store, ids: Sequence[str], which: Filter, found: str) -> None:
    """Case counts nowhere, patterns only in `*@`, and what an operator types is a value, never SQL."""
    wanted = [f"Q{number}-1" for number in found]
    async with store.read() as conn:
        assert await matching(through(conn), which) == wanted
        assert [row[0] for row in await overview(through(conn), which, FULL)] == wanted
        assert [entry.id for entry in await queue.listing(conn, which)] == wanted


async def test_columns(store: Store, ids: Sequence[str]) -> None:
    async with store.read() as conn:
        (row,) = await overview(through(conn), Filter(queue_id="Q2"), FULL)
    found = dict(zip(FULL, row, strict=True))
    assert (found["queue_id"], found["sender"], found["recipient"]) == ("Q2", "ehr@other.example", "kim@b.example")
    assert moment(found["queued_at"]) == NOW
    assert found["size"] > 0
    assert FULL[: len(BRIEF)] == BRIEF


async def test_hurry_takes_a_filter(store: Store, ids: Sequence[str]) -> None:
    for_b = Filter(domain="b.example", states=[EntryState.QUEUED])
    early = NOW - timedelta(days=1)
    assert await queue.hurry(store, now=early, which=for_b) == 2


@pytest.mark.slow
async def test_a_hundred_thousand_entries(home: Home, store: Store, ids: Sequence[str]) -> None:
    """All that waits within a second of work, beside as many endings; no index but the queue's own."""
    columns = (
        "kind, sender, recipient, protected, methods, rung, rung_since, attempts, queued_at, next_attempt_at,"
        " expires_at, last_reply, notify, orcpt, requiretls, urgent, delay_notified, tls_refused, possible_duplicate,"
        " trace, lease_owner, lease_until"
    )
    for state, start, count in (("queued", 10, MANY), ("delivered", MANY + 10, MANY)):
        home.sql(
            f"INSERT INTO entry (id, queue_id, domain, state, {columns}) "  # noqa: S608  # constants
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
            f"SELECT 'Q1-' || (n.i + {start}), queue_id, 'd' || (n.i % 1000) || '.example', '{state}', {columns} "
            "FROM entry, n WHERE id = 'Q1-1'"
        )
    waits = Filter(states=queue.UNFINISHED)
    async with store.read() as conn:
        before = time.process_time()
        rows = await overview(through(conn), waits, FULL)
        took_s = time.process_time() - before
        assert len(rows) == MANY + 4
        assert took_s < 2, f"{took_s:.2f} s of CPU"  # 0.4 s on a machine with nothing else to do
        assert len(await matching(through(conn), replace(waits, domain="d7.example"))) == MANY // 1000
