"""The log as the store keeps it: sequenced, signed, exported, searched, proved."""

import asyncio
import base64
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit import checkpoint
from gateway.audit.export import export
from gateway.audit.note import verify as verify_note
from gateway.audit.proof import prove
from gateway.audit.search import Query, search
from gateway.audit.verify import BadLogError, verify
from gateway.message.event import Event
from gateway.store.errors import ContentGone, DamagedStore
from gateway.store.file import database_path
from gateway.store.merkle import leaf_hash, verify_inclusion
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.parts import NOW, make_event, open_store


async def lines_of(store: Store) -> list[bytes]:
    async with store.read() as conn:
        return [line async for line in export(conn)]


async def record(store: Store, *events: Event) -> None:
    for event in events:
        await store.commit(Unit(events=(event,)))


async def test_a_log_with_checkpoints_verifies(store: Store) -> None:
    """AU-13, invariant 7: many writers, one sequence; the export and the key are enough."""
    signer = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    for _ in range(3):
        await asyncio.gather(*(store.commit(Unit(events=(make_event(), make_event()))) for _ in range(50)))
        await checkpoint.make(store, signer, now=NOW)
    await record(store, make_event("heartbeat"))
    result = verify(await lines_of(store), signer.public_key)
    assert (result.events, result.signed, result.checkpoints) == (301, 300, 3)
    async with store.read() as conn:
        head = await checkpoint.head(conn)
        newest = await checkpoint.newest(conn)
    assert (head.size, head.root) == (result.events, result.root)
    assert newest is not None
    assert verify_note(newest, signer.public_key).size == 300


async def test_the_signing_key_lasts(store: Store, tmp_path: Path, vault: Vault) -> None:
    """The key is made once, sealed by the master key, and readable without a running gateway."""
    async with store.read() as conn:
        assert await checkpoint.newest(conn) is None
        with pytest.raises(ContentGone):
            await checkpoint.public_key(conn, vault)
    first = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    raw = first.key.private_bytes_raw()
    await store.close()
    assert raw not in database_path(tmp_path).read_bytes()
    again = await open_store(tmp_path, vault)
    assert (await checkpoint.load_signer(again, hostname="gw.clinic.example")).key.private_bytes_raw() == raw
    async with again.read() as conn:
        assert (await checkpoint.public_key(conn, vault)) == first.public_key
    await again.close()


async def test_an_unchanged_log_is_signed_once(store: Store) -> None:
    signer = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    empty = await checkpoint.make(store, signer, now=NOW)
    assert await checkpoint.make(store, signer, now=NOW + timedelta(hours=1)) == empty
    assert verify(await lines_of(store), signer.public_key).checkpoints == 1


async def test_the_clock_going_back_is_recorded_as_it_is(store: Store) -> None:
    """AU-11: sequence goes on, time is as the clock said, and the event says by how much it is behind."""
    late = replace(make_event(), at=NOW + timedelta(hours=2))
    await record(store, late, make_event(), replace(make_event(), at=NOW - timedelta(seconds=5)))
    bodies = [json.loads(line)["event"] for line in await lines_of(store)]
    assert [body["seq"] for body in bodies] == [0, 1, 2]
    assert [body.get("behind_s") for body in bodies] == [None, 7200, None]
    assert bodies[1]["at"] == "2026-03-02T09:30:00.000000+00:00"


async def test_the_body_is_canonical(store: Store) -> None:
    """The hashed bytes: sorted keys, no blanks; letters of any script as they are."""
    await record(store, make_event("delivery.delivered", "Q1", reply="250 für ü", port=25, methods=["tls"], x=None))
    (line,) = await lines_of(store)
    body = (
        '{"at":"2026-03-02T09:30:00.000000+00:00","data":{"methods":["tls"],"port":25,"reply":"250 für ü","x":null},'
        '"kind":"delivery.delivered","queue_id":"Q1","recipient":"","seq":0}'
    )
    assert line.decode() == f'{{"event":{body},"leaf_hash":"{leaf_hash(body.encode()).hex()}"}}\n'


async def test_search(store: Store) -> None:
    events = [
        replace(make_event("message.accepted", "Q1"), recipient=""),
        replace(make_event("portal.published", "Q1"), recipient="a@x.example"),
        replace(make_event("portal.opened", "Q1"), recipient="a@x.example", at=NOW + timedelta(hours=1)),
        replace(make_event("portalled", "Q2"), recipient="b@x.example"),
    ]
    await record(store, *events)
    expected = {
        Query(): [0, 1, 2, 3],
        Query(queue_id="Q1"): [0, 1, 2],
        Query(recipient="a@x.example"): [1, 2],
        Query(kind="portal."): [1, 2],
        Query(kind="portal.opened"): [2],
        Query(kind="portal"): [],
        Query(since=NOW + timedelta(minutes=1)): [2],
        Query(until=NOW + timedelta(minutes=1)): [0, 1, 3],
        Query(limit=2): [2, 3],
    }
    async with store.read() as conn:
        for query, sequence in expected.items():
            assert [found.seq for found in await search(conn, query)] == sequence, query
        (opened,) = await search(conn, Query(kind="portal.opened"))
    assert opened.event == events[2]


async def test_a_message_is_proved_to_someone_offline(store: Store) -> None:
    """AU-12: body, path and checkpoint are enough, and the path is logarithmic."""
    signer = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    for number in range(40):
        await record(store, make_event("message.accepted", f"Q{number % 10}"))
    async with store.read() as conn:
        assert await prove(conn, "Q7") == ()
    await checkpoint.make(store, signer, now=NOW)
    await record(store, make_event("delivery.delivered", "Q7"))
    async with store.read() as conn:
        proofs = await prove(conn, "Q7")
    assert [proof.seq for proof in proofs] == [7, 17, 27, 37]
    for proof in proofs:
        head = verify_note(proof.checkpoint, signer.public_key)
        path = [base64.b64decode(node) for node in proof.path]
        assert len(path) <= 6
        assert verify_inclusion(leaf_hash(proof.event.encode()), proof.seq, head.size, path, head.root)


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE audit_event SET body = replace(body, 'seq\":4', 'seq\":5') WHERE seq = 4", 4),
        ("UPDATE audit_event SET kind = 'x', body = CAST('{\"seq\":4}' AS BLOB) WHERE seq = 4", 4),
        ("DELETE FROM audit_event WHERE seq = 4", 4),
        ("DELETE FROM audit_event WHERE seq >= 8", 8),
        ("DELETE FROM audit_event", 0),
    ],
)
async def test_a_rewritten_database_is_found(
    store: Store, tmp_path: Path, vault: Vault, statement: str, first_bad: int
) -> None:
    """AU-01, AU-02, AU-06: done to the rows behind our back, with checkpoints and the tree left as they were."""
    signer = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    await record(store, *(make_event() for _ in range(10)))
    await checkpoint.make(store, signer, now=NOW)
    raw = sqlite3.connect(database_path(tmp_path))
    with raw:
        raw.execute(statement)
    raw.close()
    async with store.read() as conn:
        head = await checkpoint.head(conn)
    lines = await lines_of(store)
    with pytest.raises(BadLogError) as caught:
        verify(lines, signer.public_key, [head])
    assert caught.value.seq == first_bad


async def test_a_cut_log_does_not_go_on(store: Store, tmp_path: Path, vault: Vault) -> None:
    """AU-02: a start on a log that lost its tail is refused, or the next events would hide the cut."""
    await record(store, *(make_event() for _ in range(10)))
    await store.close()
    raw = sqlite3.connect(database_path(tmp_path))
    with raw:
        raw.execute("DELETE FROM audit_event WHERE seq >= 8")
    raw.close()
    with pytest.raises(DamagedStore, match="audit"):
        await open_store(tmp_path, vault)
