"""A permission that ends stops what is in the queue already, and nothing else."""

from dataclasses import replace

from gateway.config import Settings
from gateway.control import consents as consent_desk
from gateway.control import organisations as organisation_desk
from gateway.control.office import Office
from gateway.message.entry import EntryState, MessageKind
from gateway.store import consents, organisations
from gateway.store.store import Store
from policy.consent import Kind
from policy.phi.report import Report
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter
from tests.gateway.pipeline.test_registers import ACCESS, PAT, associate, consent, packs, send

HELD, QUEUED = EntryState.HELD, EntryState.QUEUED


async def queued(store: Store, told: Settings, report: Report, recipient: str, *fields: bytes) -> tuple[Counter, str]:
    counter = Counter(store, report, settings=told)
    entry = await send(counter, recipient, *fields)
    assert entry.state is QUEUED
    return counter, entry.queue_id


async def test_a_revoked_choice_holds_plain_mail_in_the_queue(store: Store) -> None:
    """Issue 6, line 7. What would have left in any case goes on."""
    told = settings()
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    plain, plain_id = await queued(store, told, PHI, PAT, ACCESS)
    safe, safe_id = await queued(store, told, PHI, PAT)
    clean, clean_id = await queued(store, told, CLEAN, PAT)
    other, other_id = await queued(store, told, PHI, "eve@b.example", ACCESS)
    office = Office(store, told, plain.scheduler.withdraw)
    answer = await consent_desk.revoke(office, consent_id="C1", by="privacy", why="wrote to us")
    assert answer["queue"] == {"held": 1, "busy": 0}
    assert await plain.states(plain_id) == [HELD]
    for counter, queue_id in ((safe, safe_id), (clean, clean_id), (other, other_id)):
        assert await counter.states(queue_id) == [QUEUED]
    (event,) = await plain.events("message.held")
    assert event.data["why"] == "the choice of plain mail was revoked (consent C1)"
    assert len(await plain.own(MessageKind.SENDER_NOTICE)) == 1


async def test_what_is_on_its_way_is_counted(store: Store) -> None:
    """It is leased to a scheduler that does not give it away."""
    await consents.add(store, [consent(PAT, Kind.UNENCRYPTED)], events=())
    await queued(store, settings(), PHI, PAT, ACCESS)
    answer = await consent_desk.revoke(Office(store, settings()), consent_id="C1", by="privacy", why="wrote")
    assert answer["queue"] == {"held": 0, "busy": 1}


async def test_an_agreement_that_ends_holds_mail_in_the_queue(store: Store) -> None:
    """45 CFR 164.504(e): to its domains and those below; only where a rule asks for agreements."""
    told = packs("business-associates")
    await organisations.add(store, [associate()], renews=False, events=())
    payment = b"X-Mailward-Purpose: payment"
    theirs, theirs_id = await queued(store, told, PHI, "a@EU.billing.example", payment)
    clean, clean_id = await queued(store, told, CLEAN, "a@billing.example", payment)
    other, other_id = await queued(store, told, PHI, "a@notbilling.example", payment)
    office = Office(store, told, theirs.scheduler.withdraw)
    assert await organisation_desk.end(office, name="Billing Ltd", by="privacy", why="moved on") == {
        "held": 1, "busy": 0,
    }  # fmt: skip
    assert await theirs.states(theirs_id) == [HELD]
    assert await clean.states(clean_id) == await other.states(other_id) == [QUEUED]


async def test_without_such_a_rule_nothing_is_held(store: Store) -> None:
    await organisations.add(store, [associate()], renews=False, events=())
    counter, queue_id = await queued(store, settings(), PHI, "a@billing.example")
    office = Office(store, settings(), counter.scheduler.withdraw)
    assert (await organisation_desk.end(office, name="Billing Ltd", by="privacy", why="x"))["held"] == 0
    assert await counter.states(queue_id) == [QUEUED]


async def test_a_consent_of_another_kind_holds_nothing(store: Store) -> None:
    """The queue does not know whose mail it is."""
    await consents.add(store, [replace(consent(PAT, Kind.PART2), recipients=("b.example",))], events=())
    answer = await consent_desk.revoke(Office(store, settings()), consent_id="C1", by="privacy", why="wrote")
    assert answer["queue"] == {"held": 0, "busy": 0}
