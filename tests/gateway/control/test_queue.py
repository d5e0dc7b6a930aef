"""The queue for operators, on messages that the pipeline took: look, hurry, release by a safe way only, refuse."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.search import Query, search
from gateway.config import Settings
from gateway.control import queue as control
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState, MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.message.verdict import Accepted
from gateway.store import certificates, queue
from gateway.store.certificates import Certificate
from gateway.store.rows import new_message, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import content
from policy.decision import Method
from tests.gateway.config.samples import settings as plain_settings
from tests.gateway.delivery import office as delivery
from tests.gateway.delivery.office import NO_TLS, RECIPIENT, SENDER, make_entries, make_entry, told, words
from tests.gateway.pipeline.counter import CLEAN, Counter, envelope, letter

ONLY_OPENPGP = '[delivery]\nmethods = ["openpgp"]\n'
DAY = timedelta(days=1)


def only_openpgp() -> Settings:
    return plain_settings(ONLY_OPENPGP)


async def hold(store: Store, *recipients: str, **changes: Any) -> str:
    """A message of which nothing can leave: no key is on file. Returns: its queue id."""
    return await Counter(store, settings=only_openpgp()).accept(letter(), *recipients, **changes)


async def add_key(store: Store, address: str) -> None:
    key = Certificate(fingerprint="A" * 40, address=address, certificate=b"x", imported_at=datetime.now(UTC))
    await certificates.add(store, key, events=())


async def states(store: Store, queue_id: str) -> list[EntryState]:
    async with store.read() as conn:
        return [entry.state for entry in await queue.of_message(conn, queue_id)]


async def kinds(store: Store, queue_id: str) -> list[str]:
    async with store.read() as conn:
        return [found.event.kind for found in await search(conn, Query(queue_id=queue_id))]


# --- looking ---


async def test_list_and_show(office: Office, store: Store) -> None:
    """Invariant 6: every decision can be explained before and after sending."""
    queue_id = await Counter(store).accept(letter(), "a@b.example", "c@d.example")
    rows = await control.listing(office)
    assert [(row["queue_id"], row["recipient"], row["queue_name"]) for row in rows] == [
        (queue_id, "a@b.example", "queued"),
        (queue_id, "c@d.example", "queued"),
    ]
    shown = await control.show(office, queue_id=queue_id)
    assert (shown["sender"], shown["content"]) == (SENDER, "sealed")
    assert all("It leaves by" in recipient["trace"][-1] for recipient in shown["recipients"])
    json.dumps([rows, shown])


async def test_why_it_is_held(store: Store) -> None:
    """No way that is private, a brake, content that cannot be read: each in words, for each recipient."""
    office = Office(store, only_openpgp())
    await hold(store, "a@b.example", "c@d.example")
    braked = Counter(store, CLEAN, plain_settings("[brake]\nmessages_per_hour = 1\n"))
    for recipient in ("free@b.example", "braked@b.example"):
        await braked.accept(letter(), recipient, login="ehr", senders=frozenset({SENDER}))
    work = delivery.Office(store)
    damaged = await work.accept(make_entry(new_queue_id(), recipient="damaged@b.example"))
    await work.clerk.hold(damaged.entries)
    why = {row["recipient"]: row["delay_reason"] for row in await control.listing(office)}
    assert why["a@b.example"] == why["c@d.example"] == "no method is left that keeps it private"
    assert "brake of its login" in why["braked@b.example"]
    assert why["damaged@b.example"]
    assert why["free@b.example"] == ""
    shown = await control.show(office, queue_id=damaged.id)
    assert shown["recipients"][0]["delay_reason"] == why["damaged@b.example"]


async def test_what_is_finished_is_listed_on_request(office: Office, store: Store) -> None:
    message = await delivery.Office(store).send(make_entry(new_queue_id()))
    assert await control.listing(office) == []
    (row,) = await control.listing(office, everything=True)
    assert row["queue_name"] == "delivered"
    assert (await control.show(office, queue_id=message.id))["content"] == "destroyed"


async def test_no_message(office: Office) -> None:
    with pytest.raises(Refused, match="there is no message"):
        await control.show(office, queue_id="nonsense")


async def test_nothing_shown_opens_a_portal_message(office: Office, store: Store) -> None:
    """PO-04: an operator's screen holds neither token nor PIN."""
    work = delivery.Office(store)
    work.see(RECIPIENT, NO_TLS)
    await work.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    link, notice = work.own(MessageKind.NOTICE)[0], work.own(MessageKind.SENDER_NOTICE)[0]
    token = re.search(r"/m/([\w-]{43})", words(link))
    pin = re.search(r"\d{4}-\d{4}", words(notice))
    rows = await control.listing(office, everything=True)
    shown = json.dumps([rows, *[await control.show(office, queue_id=row["queue_id"]) for row in rows]])
    assert token
    assert pin
    assert token[1] not in shown
    assert pin[0] not in shown


# --- hurrying ---


async def test_flush_makes_all_that_waits_due(office: Office, store: Store) -> None:
    """More than one page of it; what is held or in the portal stays where it is."""
    later = datetime.now(UTC) + DAY
    many = make_entries(*(f"r{number}@b.example" for number in range(queue.LIST_LIMIT + 5)), next_attempt_at=later)
    work = delivery.Office(store)
    await work.accept(*many)
    held = await work.accept(make_entry(new_queue_id(), state=EntryState.HELD, next_attempt_at=later))
    assert await control.flush(office) == len(many)
    assert await control.flush(office) == 0
    async with store.read() as conn:
        assert len(await queue.due(conn, now=datetime.now(UTC), limit=5000)) == len(many)
    assert await states(store, held.id) == [EntryState.HELD]


async def test_flush_takes_nothing_from_who_works_on_it(office: Office, store: Store) -> None:
    """QD-15: a lease stays with its holder."""
    later = datetime.now(UTC) + DAY
    entry = make_entry(new_queue_id(), next_attempt_at=later)
    leased = delivery.make_message(entry, lease_until=later)
    await store.commit(Unit(changes=new_message(await store.seal_message(leased))))
    assert await control.flush(office) == 1
    async with store.read() as conn:
        assert await queue.due(conn, now=datetime.now(UTC), limit=10) == ()


# --- releasing ---


async def test_release_decides_anew(store: Store, settings: Settings) -> None:
    """A key was imported since: it goes on as ciphertext, with a whole lifetime before it."""
    office = Office(store, only_openpgp())
    queue_id = await hold(store)
    await add_key(store, RECIPIENT)
    async with store.read() as conn:
        (entry,) = await queue.of_message(conn, queue_id)
    old = datetime.now(UTC) - 6 * DAY
    tried = replace(entry, expires_at=old, rung_since=old)
    await store.commit(Unit(changes=(save_entry(tried, release=True),)))
    assert await control.release(office, queue_id=queue_id, reason="key came by mail") == 1
    async with store.read() as conn:
        (entry,) = await queue.of_message(conn, queue_id)
    assert (entry.state, entry.methods, entry.protected) == (EntryState.QUEUED, (Method.OPENPGP,), True)
    assert entry.expires_at > datetime.now(UTC) + 4 * DAY
    assert entry.rung_since is None, "the deadline for TLS counts from the first try after the release"
    assert (await kinds(store, queue_id))[-1] == "message.released"


async def test_release_never_opens_an_unsafe_way(store: Store) -> None:
    """Invariant 1: no key, no way; the answer says why, and nothing has changed."""
    office = Office(store, only_openpgp())
    queue_id = await hold(store)
    with pytest.raises(Refused, match="No usable OpenPGP key"):
        await control.release(office, queue_id=queue_id, reason="please")
    assert await states(store, queue_id) == [EntryState.HELD]
    assert "message.released" not in await kinds(store, queue_id)


async def test_release_obeys_what_the_sender_asked_for(store: Store) -> None:
    """ID-08: X-Mailward-Method still counts when a person decides; by verified TLS alone it could leave otherwise."""
    asked = envelope()
    asked = replace(asked, client=replace(asked.client, believes_headers=True))
    counter = Counter(store, CLEAN, settings=plain_settings('[delivery]\nmethods = ["tls"]\n'))
    answer = await counter.pipeline.submit(asked, letter(b"X-Mailward-Method: portal"))
    assert isinstance(answer, Accepted)
    assert await states(store, answer.queue_id) == [EntryState.HELD]
    with pytest.raises(Refused, match="asked for portal or more"):
        await control.release(Office(store, counter.settings), queue_id=answer.queue_id, reason="please")


async def test_release_lets_those_go_who_can(store: Store) -> None:
    office = Office(store, only_openpgp())
    queue_id = await hold(store, "a@b.example", "c@d.example")
    await add_key(store, "c@d.example")
    assert await control.release(office, queue_id=queue_id, reason="one key") == 1
    assert await states(store, queue_id) == [EntryState.HELD, EntryState.QUEUED]


async def test_release_counts_the_author_as_the_first_decision_did(store: Store) -> None:
    """A null reverse path must not let a message out by the general ladder past that of its author's domain."""
    strict = plain_settings('methods = ["openpgp"]\n')
    queue_id = await Counter(store, settings=strict).accept(letter(), sender="")
    assert await states(store, queue_id) == [EntryState.HELD]
    with pytest.raises(Refused, match="No usable OpenPGP key"):
        await control.release(Office(store, strict), queue_id=queue_id, reason="please")


async def test_release_does_not_lower_protection(store: Store) -> None:
    """OB-12: re-evaluation only upwards, even when the policy that protected the message has gone."""
    strict = plain_settings(ONLY_OPENPGP + '[policy]\ndefault = "protect-all"\n')
    queue_id = await Counter(store, CLEAN, strict).accept(letter())
    assert await control.release(Office(store, plain_settings()), queue_id=queue_id, reason="policy changed") == 1
    async with store.read() as conn:
        (entry,) = await queue.of_message(conn, queue_id)
    assert (entry.state, entry.protected) == (EntryState.QUEUED, True)


async def test_release_of_what_cannot_be_read(store: Store) -> None:
    """QD-09: damaged content stays held."""
    queue_id = await hold(store)

    async def damage(conn: AsyncConnection) -> None:
        await conn.execute(sa.update(content).where(content.c.message_id == queue_id).values(ciphertext=b"\1" * 60))

    await store.transact(damage)
    with pytest.raises(Refused, match="cannot be read"):
        await control.release(Office(store, only_openpgp()), queue_id=queue_id, reason="please")


# --- refusing ---


async def test_reject_ends_it_and_tells_the_sender_once(office: Office, store: Store) -> None:
    """Invariant 3, OB-11: rejected by a person; content destroyed, one notice for all recipients."""
    queue_id = await hold(store, "a@b.example", "c@d.example")
    assert await control.reject(office, queue_id=queue_id, reason="wrong patient") == 2
    assert await states(store, queue_id) == [EntryState.REJECTED] * 2
    events = (await kinds(store, queue_id))[-4:]
    assert events == ["message.rejected", "message.rejected", "dsn.created", "dsn.created"]
    assert (await control.show(office, queue_id=queue_id))["content"] == "destroyed"
    async with store.read() as conn:
        (dsn,) = [entry for entry in await queue.listing(conn, queue.Filter()) if entry.kind is MessageKind.DSN]
    body = await queue.load_body(store, dsn.queue_id)
    shown = told(delivery.make_message(dsn, body=body))
    assert [recipient for recipient, _, _ in shown] == ["a@b.example", "c@d.example"]
    assert b"wrong patient" not in body, "the reason is for the audit log"
    assert dsn.recipient == SENDER


@pytest.mark.parametrize("operation", [control.release, control.reject])
async def test_only_what_is_held(office: Office, store: Store, operation: Any) -> None:
    queue_id = await Counter(store).accept(letter())
    for wrong in (queue_id, "nonsense"):
        with pytest.raises(Refused, match="nothing of it is held"):
            await operation(office, queue_id=wrong, reason="please")
    assert await states(store, queue_id) == [EntryState.QUEUED]
