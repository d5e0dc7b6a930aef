"""Held mail that nobody decides on is told of, once a day: an event, a gauge, a mail to the privacy officer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit import events
from gateway.config import Settings
from gateway.daemon.held import HeldMail
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.message.entry import EntryState, MessageKind
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
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
    now, keeper = datetime.now(UTC) + timedelta(seconds=2), watch(counter, told)
    for one in (keeper, keeper, watch(counter, told)):
        await one.look(now)
    assert [event.recipient for event in await counter.events("hold.overdue")] == ["pat@b.example", "doc@c.example"]
    assert len(await counter.own(MessageKind.SENDER_NOTICE)) == before + 1
    assert "mailward_held_overdue 1.0" in counter.metrics.page().decode()
    await change(counter, queue_id, state=EntryState.REJECTED)
    await keeper.look(now)
    assert "mailward_held_overdue 0.0" in counter.metrics.page().decode()


async def test_it_is_told_again_every_day(store: Store) -> None:
    """Nobody forgets a patient's mail over a week-end; a restart neither repeats nor loses it."""
    told = settings(POLICY.format('hold_answer = "1h"'))
    counter = Counter(store, PHI, settings=told)
    await counter.accept(letter(), "pat@b.example")
    begin, keeper, counted = datetime.now(UTC), watch(counter, told), []
    for hours in (0.5, 1.1, 20, 25, 26, 49.5, 50):
        keeper = watch(counter, told) if hours == 26 else keeper
        await keeper.look(begin + timedelta(hours=hours))
        counted.append(len(await counter.events("hold.overdue")))
    assert counted == [0, 1, 1, 1, 2, 2, 3]


async def test_each_hold_has_its_own_clock(store: Store) -> None:
    """Released and held again, or held later than its other recipients: told once more, and not before its time."""
    told = settings(POLICY.format('hold_answer = "1h"'))
    counter = Counter(store, PHI, settings=told)
    queue_id = await counter.accept(letter(), "pat@b.example", "doc@c.example")
    begin, keeper = datetime.now(UTC), watch(counter, told)
    await keeper.look(begin + timedelta(hours=2))
    (first, _) = await counter.entries(queue_id)
    again = replace(first, expires_at=first.expires_at + timedelta(hours=3))
    event = events.message_held(again, at=begin + timedelta(hours=3), why="a register changed")
    await store.commit(Unit(changes=(save_entry(again, release=True),), events=(event,)))
    for hours in (3.5, 4.5, 4.6):
        await keeper.look(begin + timedelta(hours=hours))
    recipients = [one.recipient for one in await counter.events("hold.overdue")]
    assert recipients == ["pat@b.example", "doc@c.example", "pat@b.example"]


async def test_urgent_mail_has_its_own_clock(store: Store) -> None:
    told = settings(POLICY.format('hold_answer = "1h"\nurgent_hold_answer = "1m"'))
    counter = Counter(store, PHI, settings=told)
    _, urgent = await counter.accept(letter()), await counter.accept(letter(URGENT))
    await watch(counter, told).look(datetime.now(UTC) + timedelta(minutes=2))
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


async def change(counter: Counter, queue_id: str, **changes: object) -> None:
    entries = await counter.entries(queue_id)
    rows = tuple(save_entry(replace(entry, **changes), release=True) for entry in entries)  # type: ignore[arg-type]
    await counter.store.commit(Unit(changes=rows))
