"""Held mail that nobody decides on is told of, once: an event, a gauge, a mail to the privacy officer."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.daemon.held import HeldMail
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.message.entry import EntryState, MessageKind
from gateway.store import queue
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.tables import entry as table
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import PHI, SENDER, Counter, letter

POLICY: Final = """
[policy]
packs = ["mass-recipients"]
{}
pack_notify = ["privacy@clinic.example"]
[[policy.rule]]
name = "own"
when = 'true'
action = "hold"
"""
URGENT: Final = b"Importance: high"


def watch(counter: Counter, told: Settings) -> HeldMail:
    own_mail = OwnMail(OwnMailPolicy.of(told), lease=lambda: None)
    return HeldMail(counter.store, told.policy, own_mail=own_mail, scheduler=counter.scheduler, metrics=counter.metrics)


async def test_what_waits_too_long_is_told_once(store: Store) -> None:
    """A restart included; a message that was decided on counts no more."""
    told = settings(POLICY.format('hold_answer = "1s"'))
    counter = Counter(store, PHI, settings=told)
    queue_id = await counter.accept(letter(), "pat@b.example", "doc@c.example")
    before = len(await counter.own(MessageKind.SENDER_NOTICE))
    await age(counter, queue_id, timedelta(seconds=2))
    keeper = watch(counter, told)
    for one in (keeper, keeper, watch(counter, told)):
        await one.look()
    assert [event.recipient for event in await counter.events("hold.overdue")] == ["pat@b.example", "doc@c.example"]
    assert len(await counter.own(MessageKind.SENDER_NOTICE)) == before + 1
    assert "mailward_held_overdue 1.0" in counter.metrics.page().decode()
    await age(counter, queue_id, timedelta(), EntryState.REJECTED)
    await keeper.look()
    assert "mailward_held_overdue 0.0" in counter.metrics.page().decode()


async def test_urgent_mail_has_its_own_clock(store: Store) -> None:
    told = settings(POLICY.format('hold_answer = "1h"\nurgent_hold_answer = "1m"'))
    counter = Counter(store, PHI, settings=told)
    plain, urgent = await counter.accept(letter()), await counter.accept(letter(URGENT))
    for queue_id in (plain, urgent):
        await age(counter, queue_id, timedelta(minutes=2))
    await watch(counter, told).look()
    assert [event.queue_id for event in await counter.events("hold.overdue")] == [urgent]


async def test_the_sender_learns_at_once_why(store: Store) -> None:
    """Item 11: in the transaction that holds it, in words; what a pack says of its rule, no content."""
    told = settings(POLICY.format(""))
    counter = Counter(store, PHI, settings=told)
    visible = ", ".join(f"p{number}@b.example" for number in range(60))
    await counter.accept(letter(f"To: {visible}".encode()), "p1@b.example", "p2@b.example")
    (notice, *_) = [one for one in await counter.own(MessageKind.SENDER_NOTICE) if one.recipient == SENDER]
    text = " ".join((await counter.kept(notice.queue_id)).decode().replace("=\r\n", "").split())
    assert "Why: A list of this length in To or Cc is most often meant for Bcc." in text
    assert "Why: A mail rule of your organisation." in text


async def age(counter: Counter, queue_id: str, by: timedelta, state: EntryState | None = None) -> None:
    """Make a message older."""
    async with counter.store.read() as conn:
        entries = await queue.of_message(conn, queue_id)

    async def older(conn: AsyncConnection) -> None:
        then = entries[0].queued_at - by
        await conn.execute(sa.update(table).where(table.c.queue_id == queue_id).values(queued_at=then))

    await counter.store.transact(older)
    if state is not None:
        rows = tuple(save_entry(replace(entry, state=state), release=True) for entry in entries)
        await counter.store.commit(Unit(changes=rows))
