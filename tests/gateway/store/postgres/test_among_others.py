"""Several stores on one database at the same time: one audit log, no content that stays, no row lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState
from gateway.store import decisions, queue, rotation
from gateway.store.errors import KeyUnusable, StoreLocked
from gateway.store.merkle import Frontier
from gateway.store.postgres import database
from gateway.store.register_tables import decision_record
from gateway.store.rows import destroy_if_finished, save_entry, saw_tls
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import audit_event, audit_tree
from gateway.store.vault import Vault, read_key
from tests.gateway.store.homes import KEY, Home
from tests.gateway.store.parts import BODY, NOW, accept, make_entry, make_event, make_message

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

Pair = tuple[Store, Store]


@pytest.fixture
async def pair(server: Home) -> AsyncIterator[Pair]:
    first = await server.open(is_alone=False, node="node-1", data_dir=folder(server, "1"))
    second = await server.open(is_alone=False, node="node-2", data_dir=folder(server, "2"))
    yield first, second
    await first.close()
    await second.close()


def folder(server: Home, name: str) -> object:
    path = server.data_dir / name
    path.mkdir(exist_ok=True)
    return path


async def test_one_sequence_of_events(pair: Pair) -> None:
    """AU-13: two processes write at once; no number is missing or twice, and the tree is that of the events."""
    units = [Unit(events=(make_event(queue_id=f"Q{number}"), make_event())) for number in range(150)]
    await asyncio.gather(*(store.commit(unit) for unit in units for store in pair))
    async with pair[0].read() as conn:
        rows = (await conn.execute(sa.select(audit_event).order_by(audit_event.c.seq))).all()
        tree = (await conn.execute(sa.select(audit_tree))).one()
    frontier = Frontier()
    for row in rows:
        assert row.seq == frontier.size
        frontier = frontier.append(row.leaf_hash)
    assert frontier.size == 600
    assert (tree.size, tree.frontier) == (frontier.size, frontier.to_bytes())


async def test_rare_work_shares_the_sequence(pair: Pair) -> None:
    """AU-13: the same for transactions that are not made of units."""

    async def work(conn: object) -> None:
        await asyncio.sleep(0)

    await asyncio.gather(
        *(store.transact(work, events=lambda _: (make_event(),)) for store in pair for _ in range(20)),
        *(store.commit(Unit(events=(make_event(),))) for store in pair for _ in range(20)),
    )
    async with pair[1].read() as conn:
        found = (await conn.execute(sa.select(audit_event.c.seq).order_by(audit_event.c.seq))).scalars().all()
    assert found == list(range(80))


async def test_the_last_two_endings_at_once_destroy_the_content(pair: Pair, server: Home) -> None:
    """Invariant 4: each of two processes ends one recipient; neither sees the other's ending before its commit."""
    messages = [make_message(make_entry(f"Q{n}", 1), make_entry(f"Q{n}", 2)) for n in range(40)]
    for message in messages:
        await accept(pair[0], message)

    async def end(store: Store, number: int) -> None:
        for message in messages:
            ended = replace(message.entries[number], state=EntryState.DELIVERED)
            await store.commit(Unit(changes=(save_entry(ended, release=True), destroy_if_finished(message.id))))

    await asyncio.gather(end(pair[0], 0), end(pair[1], 1))
    assert server.sql("SELECT message_id FROM content") == []
    assert server.sql("SELECT id FROM message WHERE wrapped_key IS NOT NULL") == []


async def test_both_may_see_a_new_domain_first(pair: Pair, server: Home) -> None:
    """TL-07: whoever is second finds the row there."""
    for number in range(30):
        seen = Unit(changes=(saw_tls(f"d{number}.example", at=NOW, verified=number % 2 == 0),))
        known = Unit(changes=(saw_tls(f"d{number}.example", at=NOW, verified=False),))
        await asyncio.gather(pair[0].commit(seen), pair[1].commit(known))
    rows = server.sql("SELECT verified, count(*) FROM domain_tls GROUP BY verified ORDER BY verified")
    assert rows == [("f", "15"), ("t", "15")], "once verified, always verified"


async def test_who_wants_to_be_alone_is_refused_beside_others(pair: Pair, server: Home) -> None:
    with pytest.raises(StoreLocked, match=r"store\.url"):
        await server.open(data_dir=folder(server, "3"))


async def test_others_are_refused_beside_who_is_alone(server: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second gateway with a directory of its own, or a command of another machine."""
    monkeypatch.setattr(database, "PATIENCE_S", 0.0)
    store = await server.open()
    for is_alone in (True, False):
        with pytest.raises(StoreLocked, match=r"store\.url"):
            await server.open(is_alone=is_alone, data_dir=folder(server, "2"))
    await store.close()
    again = await server.open(data_dir=folder(server, "2"))
    await again.close()


async def test_what_others_write_ahead_is_not_swept(pair: Pair, server: Home) -> None:
    """QD-02: content without a message may be of one that another process is about to accept."""
    sealed = await pair[0].seal_message(make_message(body=bytes(2_000_000)))
    third = await server.open(is_alone=False, data_dir=folder(server, "3"))
    await third.close()
    assert server.sql("SELECT DISTINCT message_id FROM content") == [(sealed.new.id,)]


async def test_only_who_is_alone_rotates_the_master_key(
    pair: Pair, server: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KY-04: the others could not open what the new key seals."""
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    path = server.data_dir / "master.key"
    path.touch(mode=0o600)
    path.write_bytes(KEY)
    pair[0].vault.path = path
    with pytest.raises(KeyUnusable, match="other gateways"):
        await rotation.rotate(pair[0])
    for store in pair:
        await store.close()
    store = await server.open(data_dir=folder(server, "1"), vault=Vault.open(path, may_create=False))
    ids = [f"Q{number}" for number in range(3)]
    vault = store.vault
    rows = [
        {
            "queue_id": one, "at": NOW, "cause": "accepted", "policy_id": "p", "master_key_id": vault.key_id,
            "ciphertext": vault.seal_row(decisions.RECORD, decisions._place(one, NOW), one.encode()),
        }
        for one in ids
    ]  # fmt: skip

    async def fill(conn: AsyncConnection) -> None:
        await conn.execute(sa.insert(decision_record), rows)

    await store.transact(fill)
    for one in ids:
        await accept(store, make_message(make_entry(one)))
    await rotation.rotate(store)
    await store.close()
    store = await server.open(data_dir=folder(server, "1"), vault=Vault(read_key(path)))
    async with store.read() as conn:
        found = (await conn.execute(sa.select(decision_record.c.queue_id, decision_record.c.ciphertext))).all()
    opened = [store.vault.open_row(decisions.RECORD, decisions._place(one, NOW), sealed) for one, sealed in found]
    assert sorted(opened) == [one.encode() for one in ids]
    assert [await queue.load_body(store, one) for one in ids] == [BODY] * 3
    await store.close()
