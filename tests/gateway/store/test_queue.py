"""The queue: what is accepted reads back, entries are claimed once, saved and remembered."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from gateway.message.entry import EntryState
from gateway.store import domains, queue
from gateway.store.rows import (
    save_entry,
    saw_tls,
)
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.parts import BODY, NOW, accept, make_entry, make_message, open_store

MINUTE = timedelta(minutes=1)


async def test_an_accepted_message_reads_back_as_it_was(store: Store) -> None:
    entries = (make_entry("Q1", 1), make_entry("Q1", 2, urgent=True))
    message = make_message(*entries, traces=(("PHI was found.",), ()))
    await accept(store, message)
    assert await queue.load_body(store, "Q1") == BODY
    assert await queue.load_report(store, "Q1") == b'{"phi":true}'
    async with store.read() as conn:
        assert await queue.of_message(conn, "Q1") == entries
        assert await queue.trace(conn, "Q1-1") == ("PHI was found.",)
        facts = await queue.message_facts(conn, "Q1")
        assert facts is not None
        assert (facts.size, facts.is_sealed, facts.sender) == (len(BODY), True, "nurse@clinic.example")
        counts = await queue.counts(conn)
        assert counts == {EntryState.QUEUED: 2, EntryState.HELD: 0, EntryState.PORTAL: 0}
        assert await queue.oldest(conn) == NOW


async def test_an_entry_has_one_holder(store: Store) -> None:
    """QD-15: claimed once; a lapsed lease may be taken by another; a renewal by the old holder then does nothing."""
    for number in range(20):
        await accept(store, make_message(make_entry(f"Q{number:02}")))
    claims = await asyncio.gather(
        *(queue.claim(store, owner=f"w{n}", now=NOW, lease=MINUTE, limit=4) for n in range(8))
    )
    ids = [entry.id for claim in claims for entry in claim]
    assert len(ids) == len(set(ids)) == 20
    assert await queue.claim(store, owner="w9", now=NOW, lease=MINUTE, limit=9) == ()
    later = NOW + MINUTE
    taken = await queue.claim(store, owner="w9", now=later, lease=MINUTE, limit=99)
    assert len(taken) == 20
    await queue.renew(store, [ids[0]], owner="w0", until=later + 9 * MINUTE)
    assert len(await queue.claim(store, owner="w1", now=later + MINUTE, lease=MINUTE, limit=99)) == 20


async def test_urgent_entries_are_claimed_first_then_the_oldest(store: Store) -> None:
    await accept(store, make_message(make_entry("Q1", next_attempt_at=NOW - MINUTE)))
    await accept(store, make_message(make_entry("Q2", next_attempt_at=NOW - 2 * MINUTE)))
    await accept(store, make_message(make_entry("Q3", urgent=True)))
    await accept(store, make_message(make_entry("Q4", next_attempt_at=NOW + MINUTE)))
    await accept(store, make_message(make_entry("Q5", state=EntryState.HELD)))
    async with store.read() as conn:
        assert [entry.queue_id for entry in await queue.due(conn, now=NOW, limit=9)] == ["Q3", "Q2", "Q1"]
    claimed = await queue.claim(store, owner="w", now=NOW, lease=MINUTE, limit=2)
    assert [entry.queue_id for entry in claimed] == ["Q3", "Q2"]


async def test_entries_are_born_leased_and_a_start_takes_leases_back(tmp_path: Path, vault: Vault) -> None:
    """The hot path delivers from memory; a restart takes the same entries from the store at once."""
    store = await open_store(tmp_path, vault)
    await accept(store, make_message(make_entry("Q1"), lease_until=NOW + MINUTE))
    assert await queue.claim(store, owner="other", now=NOW, lease=MINUTE, limit=9) == ()
    await store.close()
    store = await open_store(tmp_path, vault)
    assert [entry.id for entry in await queue.claim(store, owner="n", now=NOW, lease=MINUTE, limit=9)] == ["Q1-1"]
    await store.close()


async def test_saving_an_entry_keeps_or_gives_back_its_lease(store: Store) -> None:
    entry = make_entry("Q1")
    await accept(store, make_message(entry, lease_until=NOW + MINUTE))
    tried = replace(entry, attempts=1, rung=1, rung_since=NOW, last_reply="451 4.4.1 " + "x" * 600)
    await store.commit(Unit(changes=(save_entry(tried, release=False),)))
    assert await queue.claim(store, owner="w", now=NOW, lease=MINUTE, limit=9) == ()
    await store.commit(Unit(changes=(save_entry(tried, release=True),)))
    (claimed,) = await queue.claim(store, owner="w", now=NOW, lease=MINUTE, limit=9)
    assert claimed == replace(tried, last_reply=tried.last_reply[:512])


async def test_a_domain_once_verified_stays_so(store: Store) -> None:
    """TL-07: a later, weaker sighting updates the time, not the memory of better days."""
    await store.commit(Unit(changes=(saw_tls("a.example", at=NOW, verified=True),)))
    await store.commit(
        Unit(
            changes=(
                saw_tls("a.example", at=NOW + MINUTE, verified=False),
                saw_tls("b.example", at=NOW, verified=False),
            )
        )
    )
    async with store.read() as conn:
        assert await domains.tls_seen(conn, "a.example") == domains.TlsSeen(
            domain="a.example", seen_at=NOW + MINUTE, verified=True
        )
        seen = await domains.tls_seen(conn, "b.example")
        assert seen is not None
        assert not seen.verified
        assert await domains.tls_seen(conn, "c.example") is None


async def test_a_claim_sorts_nothing_and_passes_over_who_rests_in_the_index(tmp_path: Path, vault: Vault) -> None:
    """With 50,000 entries for a dead host at the head each claim reads only the index of them, in its order."""
    values = {"b_urgent": False, "b_now": NOW, "b_limit": 9, "b_but_for": ["dead.example"]}
    compiled = queue.DUE.params(values).compile(
        dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True, "literal_binds": True}
    )
    store = await open_store(tmp_path, vault)
    try:
        async with store.read() as conn:
            plan = [row.detail for row in await conn.execute(sa.text(f"EXPLAIN QUERY PLAN {compiled}"))]
    finally:
        await store.close()
    assert plan == ["SEARCH entry USING INDEX ix_entry_due (state=? AND urgent=? AND next_attempt_at<?)"]


async def test_a_claim_is_no_change_of_a_register(store: Store) -> None:
    """Else who may sign in would be read anew after each, and nobody could while the database rests (QD-16)."""
    await accept(store, make_message(make_entry("Q1")))
    before = store.registers_revision
    assert len(await queue.claim(store, owner="w", now=NOW, lease=MINUTE, limit=9)) == 1
    assert store.registers_revision == before
