"""Legal classes on their way: who says one, what each then needs, and what goes with it (issue 6, line 3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from gateway.config import Settings
from gateway.config.modes import CodeChannel
from gateway.control import glass
from gateway.control import queue as desk
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.needs import NeedsPolicy, needs_for
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.publish import Publisher
from gateway.delivery.record import Record
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.fields import split_message
from gateway.message.verdict import Accepted, Verdict
from gateway.pipeline import edits
from gateway.pipeline.recheck import Recheck
from gateway.protect.notice import Cause
from gateway.store import consents, organisations, people
from gateway.store.consents import patient_key
from gateway.store.people import Person
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.consent import TOPICS, Kind
from policy.decision import Method, UnsignedMx
from policy.phi.report import Report
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import SENDER, Counter, Here, envelope, letter
from tests.gateway.pipeline.test_registers import DAY, DOC, SUBSTANCE, associate, consent

NOTICE: Final = b"42 CFR part 2 prohibits unauthorized use or disclosure of these records."
HELD, QUEUED = EntryState.HELD, EntryState.QUEUED
USUAL = ("treatment", "payment")
PATIENT = b"X-Mailward-Patient: MRN-0042"
SIGNED: Final = (
    b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b',
)  # fmt: skip
SIGNED_BODY: Final = (
    b"--b\r\n\r\nHe began buprenorphine.\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--\r\n"
)


def told(*packs: str, more: str = "") -> Settings:
    return settings(f"[policy]\npacks = [{', '.join(map(repr, packs))}]\n{more}")


def label(when: str, *lines: str) -> str:
    return "\n".join(("[[policy.label]]", 'name = "l"', f"when = '{when}'", *lines, ""))


def of(word: str, purpose: str = "treatment") -> tuple[bytes, ...]:
    return f"X-Mailward-Sensitivity: {word}".encode(), f"X-Mailward-Purpose: {purpose}".encode(), PATIENT


class Clinic(Counter):
    """Sends as a system whose control fields are believed."""

    def __post_init__(self) -> None:
        self.changer = Here()
        super().__post_init__()

    async def send(
        self, to: str, *fields: bytes, body: bytes = b"He began buprenorphine.\r\n", believed: bool = True
    ) -> QueueEntry:
        made = envelope(to)
        client = replace(made.client, believes_headers=believed)
        answer = await self.pipeline.submit(replace(made, client=client), letter(*fields, body=body))
        assert not isinstance(answer, Verdict)
        (entry,) = await self.entries(answer.queue_id)
        return entry

    async def body(self, entry: QueueEntry) -> bytes:
        return bytes(split_message(await self.kept(entry.queue_id)).body)

    async def give(self, kind: Kind, *recipients: str, purposes: Sequence[str] = USUAL, topics: str = "") -> None:
        """Record what the patient of PATIENT signed. topics: what it names."""
        given = consent(
            patient_key(self.store.vault, "MRN-0042"), kind, recipients=recipients, purposes=tuple(purposes),
            expires_at=envelope().received_at + DAY,
        )  # fmt: skip
        name = "-".join((kind.value, *topics.split(), *(purposes if purposes != USUAL else ())))
        new = replace(given, id=name[-26:], topics=tuple(topics.split()))
        await consents.add(self.store, [new], events=())


def clinic(store: Store, *packs: str, more: str = "", report: Report | None = SUBSTANCE) -> Clinic:
    return Clinic(store, report, settings=told(*packs, more=more))


LABELLED = label(f'login == "{SENDER}"', 'sensitivity = "part2"')
OF_DOMAIN = label('sender.domain == "clinic.example"', 'sensitivity = "part2"')


@pytest.mark.parametrize(
    ("more", "fields", "believed", "state"),
    [
        ("", of("part2"), True, HELD),
        ("", of("part2"), False, QUEUED),  # ID-08: anybody could write it
        ("", (*of("hiv"), b"X-Mailward-Sensitivity: part2"), True, HELD),  # all fields count
        ("", of("part2 please"), True, HELD),  # a word that nobody knows asks for all
        (LABELLED, of("")[1:], True, HELD),
        (OF_DOMAIN, (), False, HELD),
        (label('credential == "another"', 'sensitivity = "part2"'), of("")[1:], True, QUEUED),
        ("", of("")[1:], True, QUEUED),  # the topic was found, and is a fact alone
    ],
    ids=["header", "not believed", "second field", "odd word", "login", "domain", "another login", "topic"],
)
async def test_part_2_is_held_without_consent(
    store: Store, more: str, fields: tuple[bytes, ...], believed: bool, state: EntryState
) -> None:
    """42 CFR 2.13(a): the class comes from a credential, a domain or a header, and never from what was found."""
    counter = clinic(store, "part2", more=more)
    entry = await counter.send(DOC, *fields, believed=believed)
    assert (entry.state, entry.sensitive, entry.protected) == (state, state is HELD, True)


async def test_a_marking_is_a_class(store: Store) -> None:
    """Whoever wrote it: records that came from a programme say what they are. A mail about the law says so, too."""
    counter = clinic(store, "part2", report=None)
    marked = b"Patient Martha Grimes, DOB 03/31/1961, opioid use disorder.\r\n42 CFR Part 2 applies to this record.\r\n"
    assert (await counter.send(DOC, body=marked, believed=False)).state is HELD
    about_law = b"Our training on 42 CFR Part 2 begins at nine.\r\n"
    assert (await counter.send(DOC, body=about_law, believed=False)).state is QUEUED


async def test_part_2_goes_with_consent_and_notice(store: Store) -> None:
    """42 CFR 2.31, 2.32(a)(2): in the body that is kept, so before it is signed or encrypted; never to the patient."""
    counter = clinic(store, "part2")
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("part2"))
    assert (entry.state, entry.sensitive) == (QUEUED, True)
    said = b" ".join((await counter.body(entry)).split())
    assert NOTICE + b" It is disclosed to you with the patient's written consent, which permits this for" in said
    (decided,) = await counter.events("message.decided")
    assert "The notice that a law wants is below it (part2/notice)." in str(decided.data["trace"])
    themselves = await counter.send("martha@b.example", *of("part2", "access"))
    assert themselves.state is QUEUED
    assert NOTICE not in await counter.body(themselves)


async def test_what_its_author_signed_is_held_and_unchanged(store: Store) -> None:
    """A notice inside would break the signature, and a release cannot do without it, either."""
    counter = clinic(store, "part2", report=replace(SUBSTANCE, signed_by_author=True))
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("part2"), *SIGNED, body=SIGNED_BODY)
    assert (entry.state, await counter.body(entry)) == (HELD, SIGNED_BODY)
    (event,) = await counter.events("message.held")
    assert "its author can write the notice in it" in str(event.data["why"])
    with pytest.raises(Refused, match=r"lacks the notice that must go with it \(part2/notice\)"):
        await desk.release(Office(store, counter.settings), queue_id=entry.queue_id, reason="seen")


async def test_an_author_can_write_the_notice(store: Store) -> None:
    """Then it is signed with the rest, and goes as it is."""
    counter = clinic(store, "part2", report=None)
    await counter.give(Kind.PART2, DOC)
    written = b"buprenorphine.\r\n\r\n" + NOTICE.replace(b"use or ", b"use or\r\n")
    body = SIGNED_BODY.replace(b"buprenorphine.", written)
    entry = await counter.send(DOC, *of("part2"), *SIGNED, body=body)
    assert (entry.state, await counter.body(entry)) == (QUEUED, body)


async def test_who_writes_the_notice_still_gets_the_scope(store: Store) -> None:
    """42 CFR 2.32(b) asks for it beside the statement of (a), whoever wrote that."""
    counter = clinic(store, "part2", report=None)
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("part2"), body=b"He began buprenorphine.\r\n\r\n" + NOTICE + b"\r\n")
    said = b" ".join((await counter.body(entry)).split())
    assert entry.state is QUEUED
    assert said.count(NOTICE) == 1
    assert b"It is disclosed to you with the patient's written consent, which permits this for" in said


async def test_notices_of_ours_tell_no_class(store: Store) -> None:
    """They name the recipient, who may be the patient, and may leave without TLS: the class is in the record alone."""
    counter = clinic(store, "part2", more='pack_notify = ["privacy@clinic.example"]\n')
    entry = await counter.send("pat@b.example", *of("part2"))
    assert entry.state is HELD
    notices = await counter.own(MessageKind.SENDER_NOTICE)
    assert {one.recipient for one in notices} == {SENDER, "privacy@clinic.example"}
    for one in notices:
        words = b" ".join((await counter.kept(one.queue_id)).replace(b"=\r\n", b"").split())
        assert b"pat@b.example" in words
        assert [word for word in (b"part2", b"part 2", b"consent", b"2.31") if word in words.lower()] == []
    (event,) = await counter.events("message.held")
    assert "part2/consent" in str(event.data["why"])


async def test_a_release_forgets_no_class(store: Store) -> None:
    """OB-12: the label is gone when a person looks, and what was held by it is not let go as if it were nothing."""
    counter = clinic(store, "part2", more=LABELLED, report=replace(SUBSTANCE, signed_by_author=True))
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("")[1:], *SIGNED, body=SIGNED_BODY)
    assert entry.state is HELD
    with pytest.raises(Refused, match="lacks the notice"):
        await desk.release(Office(store, told("part2")), queue_id=entry.queue_id, reason="seen")


SCOPE: Final = (
    b"It is disclosed to you with the patient's written consent, which permits this for payment, treatment, until"
)


def office(counter: Clinic) -> Office:
    """As a gateway that runs has it."""
    return Office(counter.store, counter.settings, changer=counter.changer)


async def test_a_consent_that_came_later_finds_what_it_needs_below(store: Store) -> None:
    """42 CFR 2.32(a), (b): the same as below mail that comes now, once each; and the store says so ever after."""
    counter = clinic(store, "part2")
    entry = await counter.send(DOC, *of("part2"))
    assert (entry.state, SCOPE in await counter.body(entry)) == (HELD, False)
    await counter.give(Kind.PART2, DOC)
    assert await desk.release(office(counter), queue_id=entry.queue_id, reason="consent came") == 1
    (freed,) = await counter.entries(entry.queue_id)
    assert (freed.state, freed.sensitive) == (QUEUED, True)
    body, now = await counter.body(freed), await counter.body(await counter.send(DOC, *of("part2")))
    said = b" ".join(body.split())
    assert (said.count(NOTICE), said.count(SCOPE)) == (1, 1)
    assert said == b" ".join(now.split()), "as mail that comes now"
    decided = [one for one in await counter.events("message.decided") if one.queue_id == entry.queue_id]
    assert "What the consent covers is below it (42 CFR 2.32(b))." in str(decided[-1].data["trace"])
    assert not (await Recheck(counter.settings, store)([freed], now=freed.next_attempt_at + DAY / 2)).changed
    await store.commit(Unit(changes=(save_entry(replace(freed, state=HELD), release=True),)))
    assert await desk.release(office(counter), queue_id=entry.queue_id, reason="once more") == 1
    assert await counter.body(freed) == body, "never twice"


async def test_no_gateway_nothing_below(store: Store) -> None:
    """A command alone cannot change it, so it stays; words of a person who read it in the message are on record."""
    counter = clinic(store, "part2")
    entry = await counter.send(DOC, *of("part2"))
    await counter.give(Kind.PART2, DOC)
    alone, ask = Office(store, counter.settings), {"queue_id": entry.queue_id, "reason": "consent came"}
    with pytest.raises(Refused, match=r"lacks what the patient's consent covers \(42 CFR 2\.32\(b\)\).*--shows"):
        await desk.release(alone, **ask)
    with pytest.raises(Refused, match="by name"):
        await desk.release(alone, **ask, shows="a copy of the consent is attached")
    assert await counter.states(entry.queue_id) == [HELD]
    assert await desk.release(alone, **ask, shows="a copy of the consent is attached", by="anna") == 1
    (event,) = await counter.events("message.released")
    assert (event.data["by"], event.data["shows"]) == ("anna", "a copy of the consent is attached")


@pytest.mark.parametrize("body", [b"He began buprenorphine.\r\n", b"He did.\r\n\r\n" + NOTICE + b"\r\n"])
async def test_a_scope_is_below_the_copy_of_its_recipient_alone(store: Store, body: bytes) -> None:
    """One consented and one did not: the other's copy waits on, and says nothing of a consent."""
    counter, made = clinic(store, "part2", report=None), envelope(DOC, "eve@c.example")
    believed = replace(made, client=replace(made.client, believes_headers=True))
    assert isinstance(await counter.pipeline.submit(believed, letter(*of("part2"), body=body)), Accepted)
    held = {one.recipient: one for one in await counter.everything() if one.kind is MessageKind.MAIL}
    await counter.give(Kind.PART2, DOC)
    assert await desk.release(office(counter), queue_id=held[DOC].queue_id, reason="consent came") == 1
    assert b"It is disclosed" in await counter.body(held[DOC])
    assert b"It is disclosed" not in await counter.body(held["eve@c.example"])


async def test_too_many_to_be_apart_are_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notice is below them all the same; what only one copy would need is not put below all."""
    monkeypatch.setattr(edits, "MOST_FORMS", 1)
    counter, made = clinic(store, "part2"), envelope(DOC, "eve@c.example")
    believed = replace(made, client=replace(made.client, believes_headers=True))
    answer = await counter.pipeline.submit(believed, letter(*of("part2")))
    assert isinstance(answer, Accepted)
    first, second = await counter.entries(answer.queue_id)
    assert (first.state, second.state, NOTICE in await counter.body(first)) == (HELD, HELD, True)
    await counter.give(Kind.PART2, DOC)
    with pytest.raises(Refused, match="its copies need different texts, or are not all held"):
        await desk.release(office(counter), queue_id=first.queue_id, reason="consent came", to=DOC)
    assert await desk.release(office(counter), queue_id=first.queue_id, reason="a court's order for Eve") == 1
    assert await counter.states(first.queue_id) == [HELD, QUEUED]
    assert b"It is disclosed" not in await counter.body(second)


async def test_a_consent_that_went_is_not_claimed(store: Store) -> None:
    """It waited with its scope; revoked, another ground may let it go, but not with those words below it."""
    counter = clinic(store, "part2")
    await counter.give(Kind.PART2, DOC)
    entry = await counter.send(DOC, *of("part2"))
    await store.commit(Unit(changes=(save_entry(replace(entry, state=HELD), release=True),)))
    await consents.revoke(store, "part2", at=datetime.now(UTC), events_of=lambda _: ())
    ask = {"queue_id": entry.queue_id, "reason": "court order", "by": "anna", "shows": "nowhere"}
    with pytest.raises(Refused, match="holds it only now"):
        await desk.release(office(counter), **ask)
    with pytest.raises(Refused, match="says below that it goes out on a consent, which is not there any more"):
        await desk.release(office(counter), **ask)


async def test_a_qualified_service_organisation(store: Store) -> None:
    """42 CFR 2.11, 2.12(c)(4): no consent and no notice; its agreement has to permit the purpose."""
    counter = clinic(store, "part2")
    await organisations.add(store, [associate(is_qsoa=True)], renews=False, events=())
    entry = await counter.send("a@billing.example", *of("part2", "payment"))
    assert entry.state is QUEUED
    assert NOTICE not in await counter.body(entry)
    assert (await counter.send("a@billing.example", *of("part2", "operations"))).state is HELD


async def test_each_recipient_has_what_its_ground_asks_for(store: Store) -> None:
    """One message: on a consent with notice and scope, to a QSO and inside without, and held for a stranger."""
    counter = clinic(store, "part2")
    await organisations.add(store, [associate(is_qsoa=True)], renews=False, events=())
    await counter.give(Kind.PART2, DOC)
    made = envelope(DOC, "a@billing.example", "boss@clinic.example", "eve@c.example")
    believed = replace(made, client=replace(made.client, believes_headers=True))
    assert isinstance(await counter.pipeline.submit(believed, letter(*of("part2", "payment"))), Accepted)
    found = dict[str, tuple[EntryState, bool, bool]]()
    for one in await counter.everything():
        if one.kind is MessageKind.MAIL:
            data = await counter.kept(one.queue_id)
            found[one.recipient] = (one.state, NOTICE in data, b"It is disclosed to you" in data)
    assert found == {
        DOC: (QUEUED, True, True),
        "a@billing.example": (QUEUED, False, False),
        "boss@clinic.example": (QUEUED, False, False),
        "eve@c.example": (HELD, True, False),
    }


async def test_what_stops_being_a_qsos_needs_the_notice(store: Store) -> None:
    """It waits without one; the agreement ends and a consent is there: another ground, which asks for more."""
    counter = clinic(store, "part2")
    await organisations.add(store, [associate(is_qsoa=True)], renews=False, events=())
    entry = await counter.send("a@billing.example", *of("part2", "payment"))
    await counter.give(Kind.PART2, "billing.example")
    later = entry.queued_at + DAY / 2
    assert not (await Recheck(counter.settings, store)([entry], now=later)).changed
    await organisations.end(store, "Billing Ltd", at=entry.queued_at, events=())
    (changed,) = (await Recheck(counter.settings, store)([entry], now=later)).changed
    assert "lacks a notice that must go with it: part2/notice" in changed.why
    await store.commit(Unit(changes=(save_entry(replace(entry, state=HELD), release=True),)))
    assert await desk.release(office(counter), queue_id=entry.queue_id, reason="on the consent") == 1
    body = b" ".join((await counter.body(entry)).split())
    assert (body.count(NOTICE), body.count(SCOPE)) == (1, 1), "a release puts both below it"


async def test_an_emergency_leaves_its_record(store: Store) -> None:
    """42 CFR 2.51(c): who received it and where they work, who disclosed it, when, and what the emergency was."""
    counter = clinic(store, "part2", more='break_glass_roles = ["clinician"]\n')
    person = Person(address=SENDER, password_hash="x", role="clinician", created_at=datetime.now(UTC))
    await people.add(store, person, events=())
    office = Office(store, counter.settings)
    entry = await counter.send("er@hospital.example", *of("part2"))
    why = "overdose, unconscious, no consent to be had"
    with pytest.raises(Refused, match=r"42 CFR 2\.51\(c\)\(1\)"):
        await desk.break_glass(office, queue_id=entry.queue_id, reason=why, by=SENDER, affiliation=" ")
    assert await counter.events("glass.broken") == []
    who = "Dr Ann Roe, Mercy Hospital, emergency department"
    assert await desk.break_glass(office, queue_id=entry.queue_id, reason=why, by=SENDER, affiliation=who) == 1
    (freed,) = await counter.entries(entry.queue_id)
    assert (freed.state, freed.protected) == (QUEUED, True)
    (event,) = await counter.events("glass.broken")
    assert {name: event.data[name] for name in ("by", "why", "affiliation")} == {
        "by": SENDER, "why": why, "affiliation": who,
    }  # fmt: skip
    assert (event.recipient, event.at.tzinfo) == ("er@hospital.example", UTC)
    (waiting,) = await glass.unreviewed(office)
    assert waiting["affiliation"] == who
    assert not (await Recheck(counter.settings, store)([freed], now=freed.next_attempt_at + DAY)).changed


async def test_an_emergency_names_each_recipient(store: Store) -> None:
    """One record is of one recipient."""
    look = 'break_glass_roles = ["clinician"]\n[[policy.rule]]\nname = "look"\nwhen = "true"\naction = "hold"\n'
    counter, later = clinic(store, more=look), clinic(store, "part2", more=look + LABELLED)  # the label came later
    person = Person(address=SENDER, password_hash="x", role="clinician", created_at=datetime.now(UTC))
    await people.add(store, person, events=())
    office, queue_id = Office(store, later.settings), await counter.accept(letter(), "a@er.example", "b@er.example")
    with pytest.raises(Refused, match="one recipient at a time"):
        await desk.break_glass(office, queue_id=queue_id, reason="stroke", by=SENDER, affiliation="Dr A, ER")
    assert await desk.break_glass(
        office, queue_id=queue_id, reason="stroke", by=SENDER, affiliation="Dr A, ER", to="a@er.example"
    )


async def test_psychotherapy_notes_need_an_authorization_of_their_own(store: Store) -> None:
    """45 CFR 164.508(a)(2), (b)(3)(ii): also for treatment, also inside; not back to their author, nor by law."""
    counter = clinic(store, "psychotherapy")
    notes = of("psychotherapy")
    assert (await counter.send(DOC, *notes)).state is HELD
    await counter.give(Kind.AUTHORIZATION, DOC)
    assert (await counter.send(DOC, *notes)).state is HELD
    assert (await counter.send("boss@clinic.example", *notes)).state is HELD
    assert (await counter.send(SENDER, *notes)).state is QUEUED
    assert (await counter.send(DOC, *of("psychotherapy", "required-by-law"))).state is QUEUED
    await counter.give(Kind.PSYCHOTHERAPY, DOC)
    assert (await counter.send(DOC, *notes)).state is QUEUED
    assert (await counter.send("other@clinic2.example", *notes)).state is HELD
    await consents.revoke(store, "psychotherapy", at=envelope().received_at, events_of=lambda _: ())
    assert (await counter.send(DOC, *notes)).state is HELD


NY, IL = label("true", 'state = "NY"'), label("true", 'state = "IL"')
ILLINOIS = """
[[policy.state_rule]]
name = "il-hiv"
state = "IL"
sensitivity = "hiv"
requirement = "authorization"
citation = "410 ILCS 305/9"
notice = "Illinois law protects this."
"""


@pytest.mark.parametrize(
    ("more", "word", "purpose", "state"),
    [
        (label("true", 'state = "MA"'), "hiv", "treatment", HELD),  # MA General Laws chapter 111 section 70F
        (label("true", 'state = "CT"'), "hiv", "payment", QUEUED),  # CT General Statutes 19a-583(a)
        (IL + ILLINOIS + 'but_for = ["treatment"]\n', "hiv", "treatment", QUEUED),
        (IL + ILLINOIS + 'but_for = ["treatment"]\n', "hiv", "payment", HELD),
        (NY, "hiv", "payment", HELD),
        (NY, "hiv", "treatment", QUEUED),  # NY Public Health Law 2782(1)(d)
        (NY, "hiv", "individual", QUEUED),
        (NY, "reproductive", "judicial", QUEUED),
        (label("true", 'state = "CA"'), "reproductive", "judicial", HELD),
        (IL, "hiv", "treatment", QUEUED),  # no row of ours
        (IL + ILLINOIS, "hiv", "treatment", HELD),  # one of the organisation's
        ("", "hiv", "treatment", HELD),  # whose law?
    ],
)
async def test_rows_of_state_law(store: Store, more: str, word: str, purpose: str, state: EntryState) -> None:
    counter = clinic(store, "state-law", more=more)
    assert (await counter.send(DOC, *of(word, purpose))).state is state


async def test_a_state_of_the_domain_and_its_statement(store: Store) -> None:
    """NY Public Health Law 2782(5)(a), below what goes out; whoever may see it by an authorization gets it, too."""
    here = settings("[policy]\npacks = ['state-law']\n")
    (domain,) = here.domain
    in_new_york = domain.model_copy(update={"state": "NY"})
    counter = Clinic(store, SUBSTANCE, settings=here.model_copy(update={"domain": (in_new_york,)}))
    assert (await counter.send(DOC, *of("hiv", "payment"))).state is HELD
    await counter.give(Kind.AUTHORIZATION, DOC)
    assert (await counter.send(DOC, *of("hiv", "payment"))).state is QUEUED, "10 NYCRR 63.5(a): but for insurers"
    await counter.give(Kind.AUTHORIZATION, DOC, purposes=("operations",))
    held = await counter.send(DOC, *of("hiv", "operations"))
    assert held.state is HELD, "2780(9): a general authorization is none of HIV related information"
    await counter.give(Kind.AUTHORIZATION, DOC, topics="hiv", purposes=("operations",))
    assert await desk.release(office(counter), queue_id=held.queue_id, reason="the release came") == 1
    entry = await counter.send(DOC, *of("hiv", "operations"))
    assert entry.state is QUEUED
    said = b" ".join((await counter.body(entry)).split())
    assert b"State law prohibits you from making any further disclosure" in said
    assert b"NOT sufficient authorization for further disclosure." in said


@pytest.mark.parametrize("word", ["part2", "psychotherapy", "hiv", "reproductive"])
@pytest.mark.parametrize("but_for_treatment", [True, False])
async def test_a_row_of_the_organisation_asks_for_its_topic(store: Store, word: str, but_for_treatment: bool) -> None:
    """Each class has a topic that an authorization can name; of another one it says nothing."""
    end = "-but-for-treatment" * but_for_treatment
    row = ILLINOIS.replace('"hiv"', f'"{word}"').replace('"authorization"', f'"named-authorization{end}"')
    counter = clinic(store, more=IL + row)
    topics = {"part2": "substance_use", "psychotherapy": "mental_health"}
    await counter.give(Kind.AUTHORIZATION, DOC)
    others = " ".join({*TOPICS} - {topics.get(word, word)})
    await counter.give(Kind.AUTHORIZATION, DOC, topics=others)
    assert (await counter.send(DOC, *of(word))).state is (QUEUED if but_for_treatment else HELD)
    assert (await counter.send(DOC, *of(word, "payment"))).state is HELD
    await counter.give(Kind.AUTHORIZATION, DOC, topics=topics.get(word, word))
    assert (await counter.send(DOC, *of(word))).state is QUEUED
    assert (await counter.send(DOC, *of(word, "payment"))).state is QUEUED


async def test_a_row_of_the_organisation_has_its_notice(store: Store) -> None:
    counter = clinic(store, more=IL + ILLINOIS)
    await counter.give(Kind.AUTHORIZATION, DOC)
    entry = await counter.send(DOC, *of("hiv"))
    assert entry.state is QUEUED
    assert (await counter.body(entry)).endswith(b"Illinois law protects this.\r\n")


@pytest.mark.parametrize("word", ["part2", "psychotherapy", "hiv", "reproductive"])
async def test_no_unsigned_mx_for_any_class(store: Store, word: str) -> None:
    """Whatever `tls.unsigned_mx` says, with and without a pack: an entry remembers it in the store."""
    counter = clinic(store)
    entry = await counter.send(DOC, *of(word))
    assert (entry.state, entry.method) == (QUEUED, Method.TLS)
    accepts = NeedsPolicy(unsigned_mx=UnsignedMx.ACCEPT)
    assert needs_for(entry, accepts, has_pin=False, is_inbound=False).is_vouched
    other = await counter.send(DOC, *of("")[1:])
    assert not needs_for(other, accepts, has_pin=False, is_inbound=False).is_vouched


async def test_the_notice_of_the_portal_tells_no_speciality(store: Store) -> None:
    """The clinic's name and domain stay out of it; other mail's notice has them."""
    counter = clinic(store)
    own_mail = OwnMail(OwnMailPolicy.of(counter.settings), lease=lambda: None)
    publisher = Publisher(own_mail, lifetime=DAY, channel=CodeChannel.VERIFIED)
    for fields, shown in ((of("hiv"), b'"Private Message Service"'), (of("")[1:], b"clinic.example <secure-mail@")):
        entry = await counter.send(DOC, *fields, b"X-Mailward-Method: portal")
        assert entry.methods == (Method.PORTAL,)
        record = Record()
        await publisher.publish(entry, record, cause=Cause.POLICY, at=entry.queued_at)
        assert shown in record.own[0].body.replace(b'"clinic.example"', b"clinic.example")
