"""A reload replaces the policy between two messages, for all who go by it at once, or not at all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from gateway.config import Settings
from gateway.control.office import Office
from gateway.control.operations import Operations
from gateway.control.wire import Refused
from gateway.daemon.held import HeldMail
from gateway.daemon.in_force import Current, CurrentPipeline, CurrentRecheck, InForce
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.recheck import Review
from gateway.message.entry import EntryState
from gateway.message.event import Event
from gateway.message.verdict import Accepted
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.recheck import Recheck
from gateway.pipeline.submit import Pipeline
from gateway.store import decisions
from gateway.store.errors import StoreSick
from gateway.store.store import Store
from policy.phi.report import Report
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import PHI, Counter, Reader, envelope, letter

HOLD = '[[policy.rule]]\nname = "all"\nwhen = \'true\'\naction = "hold"\n'
ASK = '[[policy.rule]]\nname = "no-agreement"\nwhen = \'not baa.in_force\'\naction = "hold"\n'
BEFORE, AFTER, ASKING = settings(), settings(HOLD), settings(ASK)


class Gate(Reader):
    """An inspector that somebody waits for."""

    def __init__(self) -> None:
        super().__init__(PHI)
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def inspect(self, data: bytes, *, subject_tags: Sequence[str]) -> Report:
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().inspect(data, subject_tags=subject_tags)


@dataclass
class Audit:
    """The audit log, which may be out of order; look: what is called while it is written."""

    is_broken: bool = False
    events: list[Event] = field(default_factory=list)
    look: Callable[[], object] = lambda: None

    async def __call__(self, event: Event) -> None:
        if self.is_broken:
            raise StoreSick("disk")
        self.look()
        self.events.append(event)


def pipeline_of(store: Store, inspector: Reader | None = None) -> CurrentPipeline:
    def make(current: Settings) -> Pipeline:
        pipeline = Counter(store, settings=current).pipeline
        if inspector is not None:
            pipeline._inspector = inspector
        return pipeline

    return CurrentPipeline(make, BEFORE)


async def test_a_message_is_decided_on_by_one_policy(store: Store) -> None:
    """One under way ends with what it began with, the next has the new one; each record names its own."""
    gate, audit, reader = Gate(), Audit(), Counter(store)
    pipeline = pipeline_of(store, gate)
    force = InForce(BEFORE, (pipeline.prepare,), audit)
    under_way = asyncio.create_task(pipeline.submit(envelope("pat@b.example"), letter()))
    await gate.is_asked.wait()
    assert await force.take_up(AFTER) == ()
    gate.may_answer.set()
    versions, found = (FactFinder(BEFORE).version.id, FactFinder(AFTER).version.id), []
    for answer in (await under_way, await pipeline.submit(envelope("pat@b.example"), letter())):
        assert isinstance(answer, Accepted)
        async with store.read() as conn:
            (kept,) = await decisions.of_message(conn, store.vault, answer.queue_id)
        found.append((await reader.states(answer.queue_id), kept.policy_id))
    assert found == [([EntryState.QUEUED], versions[0]), ([EntryState.HELD], versions[1])]
    assert [event.data for event in audit.events] == [
        {"before": versions[0], "after": versions[1], "keys": ["policy.rule"]}
    ]


async def test_waiting_mail_is_looked_at_by_the_new_policy(store: Store) -> None:
    """At its next attempt; its record names the policy that stopped it."""
    recheck = CurrentRecheck(lambda current: Recheck(current, store), BEFORE)
    counter = Counter(store)
    (entry,) = await counter.entries(await counter.accept(letter(b"X-Mailward-Purpose: payment"), "a@b.example"))
    later = entry.queued_at + timedelta(days=1)
    assert await recheck([entry], now=later) == Review()
    await InForce(BEFORE, (recheck.prepare,), Audit()).take_up(ASKING)
    review = await recheck([entry], now=later)
    assert ["no-agreement" in one.why for one in review.changed] == [True]


async def test_operations_go_by_the_new_policy(store: Store) -> None:
    """Those that begin later."""
    operations = Operations(Office(store, BEFORE))
    rows = {"name": "list", "addresses": ["a@b.example"], "by": "admin"}
    with pytest.raises(Refused, match="no rule asks"):
        await operations.perform("segment.import", rows)
    await InForce(BEFORE, (operations.prepare,), Audit()).take_up(settings('[policy]\npacks = ["misaddressed"]\n'))
    await operations.perform("segment.import", rows)


async def test_held_mail_is_watched_by_the_new_policy(store: Store) -> None:
    """Its patience, and whom it tells."""
    counter = Counter(store, settings=AFTER)
    await counter.accept(letter(), "pat@b.example")
    own_mail = OwnMail(OwnMailPolicy.of(AFTER), lease=lambda: None)
    watch = HeldMail(store, AFTER.policy, own_mail=own_mail, scheduler=counter.scheduler, metrics=counter.metrics)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await watch.look(soon)
    assert await counter.events("hold.overdue") == []
    await InForce(AFTER, (watch.prepare,), Audit()).take_up(settings('[policy]\nhold_answer = "1s"\n' + HOLD))
    await watch.look(soon)
    assert len(await counter.events("hold.overdue")) == 1


@pytest.mark.slow
async def test_all_or_nothing() -> None:
    """A user that cannot be made, or an audit log that cannot be written, keeps the old policy everywhere."""
    audit, one = Audit(), Current(lambda current: current.policy, BEFORE)

    def fails(_current: Settings) -> Callable[[], None]:
        raise ValueError

    assert await InForce(BEFORE, (one.prepare, fails), audit).take_up(AFTER) == ("policy.rule",)
    assert (one.value, audit.events) == (BEFORE.policy, [])
    audit.is_broken = True
    force = InForce(BEFORE, (one.prepare,), audit)
    assert await force.take_up(AFTER) == ("policy.rule",), "it is named as not in force"
    assert one.value == BEFORE.policy
    audit.is_broken = False
    assert await force.take_up(AFTER) == ()
    assert one.value == AFTER.policy


async def test_the_audit_log_has_it_before_it_counts() -> None:
    seen = list[bool]()
    one = Current(lambda current: current.policy, BEFORE)
    audit = Audit(look=lambda: seen.append(one.value == BEFORE.policy))
    await InForce(BEFORE, (one.prepare,), audit).take_up(AFTER)
    assert seen == [True]


async def test_the_same_policy_is_no_event() -> None:
    """What waits for a restart is held against what runs, each time."""
    audit, other = Audit(), settings("[brake]\nmessages_per_hour = 7\n")
    force = InForce(BEFORE, (), audit)
    assert await force.take_up(other) == ("brake.messages_per_hour",)
    assert await force.take_up(settings()) == ()
    assert audit.events == []
