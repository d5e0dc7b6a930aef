"""The clerk obeys who decides again: what stops is held and its sender told, what is redirected takes the other way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.audit import events
from gateway.delivery.recheck import Changed, Review
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.store.errors import DamagedContent, StoreSick
from gateway.store.store import Store
from policy.decision import Action, Decision, Method
from tests.gateway.delivery.office import MARKER, Office, make_entries


class Says:
    """Of the first entry this; of all others nothing."""

    def __init__(self, why: str = "", methods: tuple[Method, ...] = (), error: Exception | None = None) -> None:
        self.why, self.methods, self.error = why, methods, error
        self.asked = 0

    async def __call__(self, entries: Sequence[QueueEntry], *, now: datetime) -> Review:
        self.asked += 1
        if self.error is not None:
            raise self.error
        first = entries[0]
        if not first.id.endswith("-1") or (self.methods and first.methods == self.methods):
            return Review()
        decision = Decision(
            recipient=first.recipient, action=Action.HOLD, protected=True, methods=self.methods, trace=("Revoked.",)
        )
        event = events.message_decided(decision, at=now, queue_id=first.queue_id, score=0.0, found={})
        goes_on = replace(first, methods=self.methods) if self.methods else first
        return Review((Changed(entry=goes_on, event=event, why=self.why),))


async def test_what_stops_is_held_and_its_sender_told(store: Store) -> None:
    """Item 7: not one octet of it leaves; the other recipient's copy does."""
    office = Office(store, recheck=Says(why="the consent was revoked"))
    message = await office.send(*make_entries("pat@b.example", "doc@c.example"))
    first, second = await office.entries(message.id)
    assert (first.state, second.state) == (EntryState.HELD, EntryState.DELIVERED)
    (job,) = (job for job in office.transport.jobs if MARKER in job.data)
    assert [one.address for one in job.recipients] == ["doc@c.example"]
    (event,) = await office.events("message.held", message.id)
    assert event.data["why"] == "the consent was revoked"
    assert [one.kind for one in office.taken] == [MessageKind.SENDER_NOTICE]
    assert (await office.events("message.decided", message.id))[0].data["trace"] == ["Revoked."]


async def test_what_is_redirected_takes_the_other_way(store: Store) -> None:
    """Straight away, for this may be urgent."""
    office = Office(store, recheck=Says(methods=(Method.PORTAL,)))
    message = await office.send(*make_entries("pat@b.example"))
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.method) == (EntryState.PORTAL, Method.PORTAL)
    assert not [job for job in office.transport.jobs if MARKER in job.data]


async def test_a_register_that_cannot_be_read_lets_it_wait(store: Store) -> None:
    """Invariant 5: neither sent nor held nor given back."""
    office = Office(store, recheck=Says(error=StoreSick("disk")))
    message = await office.send(*make_entries("pat@b.example"))
    assert await office.state(message.id) is EntryState.QUEUED
    assert not office.transport.jobs


async def test_a_decision_record_that_cannot_be_read_holds_the_mail(store: Store) -> None:
    """It will not be better at the next attempt: a person looks, and the sender is told; it does not wait for ever."""
    office = Office(store, recheck=Says(error=DamagedContent("Q1")))
    message = await office.send(*make_entries("pat@b.example"))
    assert await office.state(message.id) is EntryState.HELD
    assert not office.transport.jobs
    assert [one.kind for one in office.taken] == [MessageKind.SENDER_NOTICE]
