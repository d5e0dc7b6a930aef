"""Rules on the way of a message: held, refused, narrowed to one method, told to whom it concerns, and on record."""

from dataclasses import replace

import pytest

from gateway.config import Settings
from gateway.message.entry import EntryState, MessageKind
from gateway.message.verdict import REPLIES, Verdict
from gateway.store import people
from gateway.store.certificates import OnFile
from gateway.store.people import Person
from gateway.store.store import Store
from policy.decision import Method
from policy.phi.report import Finding, Kind, Place, Report
from tests.gateway.config.samples import settings
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.pipeline.counter import CLEAN, PHI, SENDER, Counter, envelope, letter

PRIVACY = "privacy@clinic.example"
NOTIFY = f'notify = ["{PRIVACY}"]'


def rule(when: str, action: str, *, name: str = "the-rule", more: str = "") -> str:
    """One `[[policy.rule]]`."""
    return f'[[policy.rule]]\nname = "{name}"\nwhen = \'{when}\'\naction = "{action}"\n{more}\n'


def ruled(*rules: str) -> Settings:
    return settings("".join(rules))


def numbers(count: int) -> Report:
    """A clean report but for so many social security numbers."""
    found = tuple(
        Finding(kind=Kind.SSN, masked=f"***-**-{n:04}", place=Place(part="1"), certainty=0.97, why="a label")
        for n in range(count)
    )
    return Report(phi=False, score=0.0, findings=found)


async def test_a_list_of_numbers_is_held(store: Store) -> None:
    """Ten are held, nine are not; the sender is told, and the log names the rule."""
    told = ruled(rule("findings.ssn.count >= 10", "hold", name="no-ssn-lists"))
    counter = Counter(store, numbers(10), settings=told)
    queue_id = await counter.accept(letter())
    assert await counter.states(queue_id) == [EntryState.HELD]
    (event,) = await counter.events("message.held")
    assert event.data["why"] == "rule no-ssn-lists"
    (decided,) = await counter.events("message.decided")
    assert decided.data["rules"] == ["no-ssn-lists"]
    assert 'Rule "no-ssn-lists" asks for hold (findings.ssn.count is 10).' in str(decided.data["trace"])
    (notice,) = await counter.own(MessageKind.SENDER_NOTICE)
    assert notice.recipient == SENDER
    assert b"no-ssn-lists" not in await counter.kept(notice.queue_id)
    fewer = Counter(store, numbers(9), settings=told)
    assert await fewer.states(await fewer.accept(letter())) == [EntryState.QUEUED]


async def test_an_exception_is_on_record(store: Store) -> None:
    """Nobody is let off in silence: the trace says which exception held, and why."""
    told = ruled(rule("findings.ssn.count >= 10", "hold", more="""unless = 'sender == "nurse@clinic.example"'"""))
    counter = Counter(store, numbers(10), settings=told)
    assert await counter.states(await counter.accept(letter())) == [EntryState.QUEUED]
    (decided,) = await counter.events("message.decided")
    assert "its exception holds (sender is nurse@clinic.example)" in str(decided.data["trace"])
    assert "rules" not in decided.data


@pytest.mark.parametrize(
    ("action", "protected", "methods"),
    [
        ("allow", False, (Method.TLS,)),
        ("protect", True, (Method.TLS, Method.PORTAL)),
        ("require-tls", True, (Method.TLS,)),
        ("portal-only", True, (Method.PORTAL,)),
    ],
)
async def test_an_action_is_what_the_entry_says(
    store: Store, action: str, protected: bool, methods: tuple[Method, ...]
) -> None:
    """What delivery works by: a clean message becomes as protected as the rule asks."""
    counter = Counter(store, CLEAN, settings=ruled(rule("true", action)))
    (entry,) = await counter.entries(await counter.accept(letter()))
    assert (entry.state, entry.protected, entry.methods) == (EntryState.QUEUED, protected, methods)


async def test_allow_takes_nothing_back(store: Store) -> None:
    """Invariant 1: a rule can only make it stricter."""
    counter = Counter(store, PHI, settings=ruled(rule("true", "allow")))
    (entry,) = await counter.entries(await counter.accept(letter()))
    assert (entry.protected, entry.methods) == (True, (Method.TLS, Method.PORTAL))


async def test_only_the_recipients_that_a_rule_is_about(store: Store) -> None:
    """One is held, the other goes."""
    told = ruled(rule('recipient.domain within "b.example"', "hold"))
    counter = Counter(store, CLEAN, settings=told)
    queue_id = await counter.accept(letter(), "a@sub.b.example", "c@other-b.example")
    assert await counter.states(queue_id) == [EntryState.HELD, EntryState.QUEUED]


async def test_what_a_rule_rejects_for_everybody_is_refused(store: Store) -> None:
    """550 5.7.1 in general words; nothing is kept but the record, which names rule and recipient."""
    told = ruled(rule('recipient == "c@d.example"', "reject", name="secret-project", more=NOTIFY))
    counter = Counter(store, PHI, settings=told)
    answer = await counter.submit(letter(b"Subject: Marker"), "c@d.example")
    assert answer is Verdict.REJECTED_BY_POLICY
    reply = REPLIES[answer]
    assert (reply.code, reply.detail) == (550, "7.1")
    assert "secret-project" not in reply.text
    (event,) = await counter.events("message.refused")
    assert (event.recipient, event.data["rules"], event.data["login"]) == ("c@d.example", ["secret-project"], SENDER)
    (notice,) = await counter.everything()
    assert (notice.kind, notice.recipient, notice.state) == (MessageKind.SENDER_NOTICE, PRIVACY, EntryState.QUEUED)
    assert counter.scheduler.in_hand == 1


async def test_a_refusal_that_cannot_be_recorded_is_tried_again(store: Store) -> None:
    """AU-08: never unrecorded."""
    counter = Counter(store, settings=ruled(rule("true", "reject")))
    disk = BadDisk(store)
    await disk.break_()
    assert await counter.submit(letter()) is Verdict.STORE_SICK


@pytest.mark.parametrize("action", ["protect", "hold"])
async def test_whom_a_rule_names_is_told_without_content(store: Store, action: str) -> None:
    """One notice a message, whoever many rules and recipients it has; not a word of the message in it."""
    told = ruled(rule("true", action, name="first", more=NOTIFY), rule("true", "protect", name="second", more=NOTIFY))
    counter = Counter(store, settings=told)
    queue_id = await counter.accept(letter(b"Subject: Marker", body=b"Marker\r\n"), "a@b.example", "c@d.example")
    (notice,) = [one for one in await counter.own(MessageKind.SENDER_NOTICE) if one.recipient == PRIVACY]
    text = await counter.kept(notice.queue_id)
    assert b"Marker" not in text
    for word in (b"first, second", b"a@b.example", b"c@d.example", queue_id.encode(), SENDER.encode()):
        assert word in text.replace(b"\r\n", b" ")
    assert (b"waits for a decision" in text) == (action == "hold")


async def test_facts_come_from_where_they_are_known(store: Store) -> None:
    """Login, role, size, visible recipients, purpose and urgency, each by a rule that holds by it alone."""
    person = Person(address=SENDER, password_hash="x", role="Billing", created_at=envelope().received_at)
    await people.add(store, person, events=())
    for when in (
        'login == "nurse@clinic.example" and credential == ""',
        'role == "billing"',
        "message.size > 40B and message.size < 1KiB",
        "recipients.visible == 3 and recipients.count == 1 and recipients.outside == 1",
        'purpose == "marketing"',
        "urgent",
        'sender.domain == "clinic.example" and not recipient.ours',
    ):
        counter = Counter(store, CLEAN, settings=ruled(rule(when, "hold")))
        fields = (
            b'To: "Doe, Jane @ home" <a@b.example>, c@d.example (x@y)', b"Cc: e@f.example",
            b"X-Mailward-Purpose: marketing", b"X-Mailward-Priority: urgent",
        )  # fmt: skip
        made = envelope()
        answer = await counter.pipeline.submit(
            replace(made, client=replace(made.client, believes_headers=True)), letter(*fields)
        )
        assert not isinstance(answer, Verdict)
        assert await counter.states(answer.queue_id) == [EntryState.HELD], when


async def test_many_visible_recipients_that_nobody_counted(store: Store) -> None:
    """The envelope has one, the header shows fifty: both can be asked for."""
    shown = ", ".join(f"p{number}@b.example" for number in range(50)).encode()
    counter = Counter(store, CLEAN, settings=ruled(rule("recipients.visible > 49", "hold")))
    assert await counter.states(await counter.accept(letter(b"To: " + shown))) == [EntryState.HELD]


async def test_a_field_is_put_on_the_message(store: Store) -> None:
    """One of that name which it came with goes: it could be the sender's word against ours."""
    told = ruled(rule("phi", "protect", more='add_header = { "X-Clinic-Class" = "restricted" }'))
    counter = Counter(store, PHI, settings=told)
    data = letter(b"X-Clinic-Class: public", b"x-clinic-class: public", body=b"X-Clinic-Class: body\r\n")
    kept = await counter.kept(await counter.accept(data))
    header, _, body = kept.partition(b"\r\n\r\n")
    assert header.lower().count(b"x-clinic-class:") == 1
    assert header.endswith(b"X-Clinic-Class: restricted")
    assert body == b"X-Clinic-Class: body\r\n"
    plain = Counter(store, CLEAN, settings=told)
    assert b"restricted" not in await plain.kept(await plain.accept(letter()))


async def test_packs_are_switched_on(store: Store) -> None:
    """A program is refused; a list named twice is one; whoever watches the packs hears of holds and refusals only."""
    more = f'[policy]\npacks = ["executables", "hipaa-baseline", "executables"]\npack_notify = ["{PRIVACY}"]\n'
    attached = b"Content-Type: application/octet-stream; name=setup.exe\r\nContent-Transfer-Encoding: base64"
    counter = Counter(store, None, settings=settings(more))
    assert await counter.submit(letter(attached, body=b"TVqQAAMAAAAEAAAA\r\n")) is Verdict.REJECTED_BY_POLICY
    (event,) = await counter.events("message.refused")
    assert event.data["rules"] == ["executables/runs"]
    assert [one.recipient for one in await counter.everything()] == [PRIVACY]
    (entry,) = await counter.entries(await counter.accept(letter(body=b"MRN: 00123456\r\n")))
    assert entry.protected
    assert len(await counter.everything()) == 2


async def test_a_domain_has_its_own_default(store: Store) -> None:
    """protect-all for one of two domains, by the author's."""
    more = '[[domain]]\nname = "lab.example"\npolicy_default = "protect-all"\n'
    counter = Counter(store, CLEAN, settings=settings(more))
    (entry,) = await counter.entries(await counter.accept(letter()))
    assert not entry.protected
    facts = counter.pipeline._facts.gather(
        OnFile(), sender="x@LAB.example", recipients=["a@b.example"], report=CLEAN, requiretls=False
    )
    assert counter.pipeline._facts.decide(facts)[0].protected
