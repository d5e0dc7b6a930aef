"""Break-glass: for permitted roles and treatment, never in clear, with a reason and a review afterwards."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.config import Settings
from gateway.control import glass, queue
from gateway.control.asker import Asker
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState, MessageKind
from gateway.store import people
from gateway.store.people import Person
from gateway.store.store import Store
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter
from tests.gateway.pipeline.test_registers import send

POLICY = """
[policy]
break_glass_roles = ["Clinician"]
pack_notify = ["privacy@clinic.example"]
[[policy.rule]]
name = "held"
when = 'recipients.outside > 0'
action = "hold"
approvers = 2
"""
DOC, CLERK, TREATMENT = "doc@clinic.example", "clerk@clinic.example", b"X-Mailward-Purpose: treatment"


@pytest.fixture
def told() -> Settings:
    return settings(POLICY)


@pytest.fixture
async def office(store: Store, told: Settings) -> Office:
    now = datetime.now(UTC)
    for address, role in ((DOC, "clinician"), (CLERK, "clerk")):
        await people.add(store, Person(address=address, password_hash="x", role=role, created_at=now), events=())
    return Office(store, told)


async def held(counter: Counter, *fields: bytes) -> str:
    entry = await send(counter, "er@hospital.example", *fields)
    assert entry.state is EntryState.HELD
    return entry.queue_id


async def test_treatment_mail_goes_at_once_and_waits_for_a_review(office: Office, told: Settings) -> None:
    """Item 11: one person although the rule asks for two; protected; who, why and which rules are written down."""
    counter = Counter(office.store, PHI, settings=told)
    queue_id = await held(counter, TREATMENT)
    assert await queue.break_glass(office, queue_id=queue_id, reason="stroke, on the way", by=DOC) == 1
    (entry,) = await counter.entries(queue_id)
    assert (entry.state, entry.protected) == (EntryState.QUEUED, True)
    (event,) = await counter.events("glass.broken")
    assert (event.data["by"], event.data["role"], event.data["rules"]) == (DOC, "clinician", ["held"])
    assert event.data["why"] == "stroke, on the way"
    notices = await counter.own(MessageKind.SENDER_NOTICE)
    assert [one.recipient for one in notices] == ["nurse@clinic.example", "privacy@clinic.example"]
    (waiting,) = await glass.unreviewed(office)
    assert (waiting["queue_id"], waiting["recipient"]) == (queue_id, "er@hospital.example")
    with pytest.raises(Refused, match="who broke the glass"):
        await glass.review(office, queue_id=queue_id, by=DOC.upper(), why="fine")
    assert await glass.review(office, queue_id=queue_id, by="privacy", why="it was right") == 1
    assert await glass.unreviewed(office) == []
    with pytest.raises(Refused, match="nothing of"):
        await glass.review(office, queue_id=queue_id, by="privacy", why="again")


async def test_another_name_at_the_same_desk_reviews_nothing(office: Office, told: Settings) -> None:
    """The kernel knows under whose session it was broken; an account that people share proves nothing."""
    counter = Counter(office.store, PHI, settings=told)
    desk, other, shared = Asker("alice", is_shared=False), Asker("bob", is_shared=False), Asker("root")
    for first, second in ((desk, other), (shared, shared)):
        queue_id = await held(counter, TREATMENT)
        await queue.break_glass(replace(office, asker=first), queue_id=queue_id, reason="stroke", by=DOC)
        if not first.is_shared:
            with pytest.raises(Refused, match="alice broke the glass under another name"):
                await glass.review(replace(office, asker=first), queue_id=queue_id, by="privacy", why="fine")
        assert await glass.review(replace(office, asker=second), queue_id=queue_id, by="privacy", why="fine") == 1
    said = [event.data["system_login"] for event in await counter.events("glass.reviewed")]
    assert said == ["bob", "root"]


async def test_even_what_holds_nothing_back_leaves_protected(office: Office, told: Settings) -> None:
    """Invariant 1 in an emergency, too: verified TLS or not at all."""
    counter = Counter(office.store, CLEAN, settings=told)
    queue_id = await held(counter)
    await queue.break_glass(office, queue_id=queue_id, reason="now", by=DOC)
    (entry,) = await counter.entries(queue_id)
    assert entry.protected


@pytest.mark.parametrize(
    ("by", "field", "why"),
    [
        (CLERK, TREATMENT, "role clinician"),
        ("nobody@clinic.example", TREATMENT, "role clinician"),
        ("command line", TREATMENT, "role clinician"),
        (DOC, b"X-Mailward-Purpose: marketing", "for treatment alone"),
    ],
)
async def test_nobody_else_and_for_nothing_else(
    office: Office, told: Settings, by: str, field: bytes, why: str
) -> None:
    counter = Counter(office.store, PHI, settings=told)
    queue_id = await held(counter, field)
    with pytest.raises(Refused, match=why):
        await queue.break_glass(office, queue_id=queue_id, reason="now", by=by)
    assert await counter.states(queue_id) == [EntryState.HELD]
    assert await glass.unreviewed(office) == []


async def test_not_where_no_role_may_and_not_without_a_reason(office: Office, told: Settings) -> None:
    counter = Counter(office.store, PHI, settings=told)
    queue_id = await held(counter, TREATMENT)
    with pytest.raises(Refused, match="reason is needed"):
        await queue.break_glass(office, queue_id=queue_id, reason=" ", by=DOC)
    closed = Office(office.store, settings(POLICY.replace('["Clinician"]', "[]")))
    with pytest.raises(Refused, match="nobody may"):
        await queue.break_glass(closed, queue_id=queue_id, reason="now", by=DOC)


async def test_no_unsafe_way_opens(office: Office) -> None:
    """What no method keeps private stays held."""
    keyless = settings(POLICY + '[delivery]\nmethods = ["openpgp"]\n')
    counter = Counter(office.store, PHI, settings=keyless)
    queue_id = await held(counter, TREATMENT)
    with pytest.raises(Refused, match="openpgp is skipped"):
        await queue.break_glass(Office(office.store, keyless), queue_id=queue_id, reason="now", by=DOC)
    assert await counter.states(queue_id) == [EntryState.HELD]
