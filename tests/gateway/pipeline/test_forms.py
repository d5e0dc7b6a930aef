"""One message in several forms: each recipient's copy is changed by the rules that apply to it, and by no other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Settings
from gateway.control import queue as by_hand
from gateway.control.office import Office
from gateway.inspect.screened import Infected, Unscannable
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.fields import split_message
from gateway.message.hygiene import check
from gateway.message.optout import OptOut, read_token
from gateway.message.verdict import Accepted, Verdict
from gateway.pipeline import edits
from gateway.pipeline.forms import Part, join
from gateway.pipeline.judged import Judged
from gateway.store.errors import StoreFull
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Action, Decision
from policy.facts import Facts, RecipientFacts
from policy.phi.report import Report
from tests.gateway.pipeline.counter import CLEAN, envelope, letter
from tests.gateway.pipeline.test_edits import BODY, FOOTER, KEY, MASK, Desk, purpose
from tests.gateway.pipeline.test_rules import rule, ruled

DOCTOR, PAYER, OTHER = "doc@there.example", "claims@payer.example", "clerk@payer.example"
TO_PAYER = 'recipient.domain == "payer.example"'
MASKED = b"The SSN: [ssn removed] is on file.\r\n"


def for_payers(*more: str, action: str = "allow") -> Settings:
    return ruled(*(rule(TO_PAYER, action, name=f"r{n}", more=one) for n, one in enumerate(more)))


async def forms(desk: Desk) -> Mapping[str, tuple[QueueEntry, bytes]]:
    """By recipient: the entry, and the copy as it is kept."""
    return {one.recipient: (one, await desk.kept(one.queue_id)) for one in await desk.own(MessageKind.MAIL)}


def body(data: bytes) -> bytes:
    return bytes(split_message(data).body)


async def test_one_copy_is_masked_and_the_other_stays(store: Store) -> None:
    """45 CFR 164.502(b): the payer needs no number, the one who treats gets every octet; one form for those alike."""
    desk = Desk(store, settings=for_payers(MASK))
    await desk.send(purpose("payment"), to=(DOCTOR, PAYER, OTHER))
    found = await forms(desk)
    assert {who: body(data) for who, (_, data) in found.items()} == {DOCTOR: BODY, PAYER: MASKED, OTHER: MASKED}
    assert found[PAYER][0].queue_id == found[OTHER][0].queue_id != found[DOCTOR][0].queue_id
    assert {one.state for one, _ in found.values()} == {EntryState.QUEUED}
    (notice,) = await desk.own(MessageKind.SENDER_NOTICE)
    words = await desk.kept(notice.queue_id)
    assert (PAYER.encode() in words, DOCTOR.encode() in words) == (True, False)


async def test_each_form_is_a_message_of_its_own(store: Store) -> None:
    """Its key, its record, its events, its trace; one Message-ID, and facts that count everybody."""
    desk = Desk(store, settings=for_payers(FOOTER))
    first = await desk.send(purpose("payment"), to=(PAYER, DOCTOR))
    found = await forms(desk)
    ids = {one.queue_id for one, _ in found.values()}
    assert (len(ids), found[PAYER][0].queue_id) == (2, first)
    assert len({split_message(data).all("message-id")[0].text for _, data in found.values()}) == 1
    for kind in ("message.accepted", "message.decided"):
        assert {event.queue_id for event in await desk.events(kind)} == ids
    for event in await desk.events("message.decided"):
        assert f"the first is {first}" in str(event.data["trace"])
        assert all(other not in str(event.data["trace"]) for other in {PAYER, DOCTOR} - {event.recipient})


async def test_no_copy_tells_of_another_recipient(store: Store) -> None:
    """CR-02, RFC 5321 section 7.2: a blind copy is in nobody's header, also where it is alone in its form."""
    desk = Desk(store, settings=for_payers(FOOTER))
    await desk.send(purpose("payment"), f"To: {DOCTOR}".encode(), f"Bcc: {PAYER}".encode(), to=(DOCTOR, PAYER))
    for who, (_, data) in (await forms(desk)).items():
        assert PAYER.encode() not in data, who
        assert b"\tfor <" not in data


async def test_what_cannot_be_changed_holds_that_copy_alone(store: Store) -> None:
    """The doctor does not wait for the payer's number; nothing left unmasked goes."""
    desk = Desk(store, settings=for_payers(MASK))
    await desk.send(purpose("payment"), b"Subject: SSN: 219-09-9999", to=(DOCTOR, PAYER))
    found = await forms(desk)
    assert {who: one.state for who, (one, _) in found.items()} == {DOCTOR: EntryState.QUEUED, PAYER: EntryState.HELD}
    assert found[PAYER][0].queue_id == found[DOCTOR][0].queue_id  # both are the message as it came
    (event,) = await desk.events("message.held")
    assert (event.recipient, "would be left" in str(event.data["why"])) == (PAYER, True)


async def test_who_is_refused_is_no_form(store: Store) -> None:
    """A refused recipient has no copy; the bounce is in the same transaction as ever."""
    told = ruled(
        rule('recipient.domain == "there.example"', "reject", name="no"), rule(TO_PAYER, "allow", name="m", more=FOOTER)
    )
    desk = Desk(store, settings=told)
    await desk.send(purpose("payment"), to=(DOCTOR, PAYER))
    found = await forms(desk)
    assert {who: one.state for who, (one, _) in found.items()} == {
        DOCTOR: EntryState.REJECTED,
        PAYER: EntryState.QUEUED,
    }
    assert len({one.queue_id for one, _ in found.values()}) == 1


async def test_header_fields_are_those_of_the_copy(store: Store) -> None:
    """A rule that asks for one recipient puts its field on that one's copy."""
    desk = Desk(store, settings=for_payers('add_header = { "X-Class" = "claims" }'))
    await desk.send(purpose("payment"), to=(DOCTOR, PAYER))
    has = {who: bool(split_message(data).all("x-class")) for who, (_, data) in (await forms(desk)).items()}
    assert has == {DOCTOR: False, PAYER: True}


async def test_who_is_refused_puts_no_field_on_the_copies_of_others(store: Store) -> None:
    """What a rule says of somebody who gets nothing would tell the others of them (RFC 5321 section 7.2)."""
    told = ruled(
        rule('recipient.domain == "there.example"', "reject", name="no", more='add_header = { "X-Case" = "closed" }')
    )
    desk = Desk(store, settings=told)
    await desk.send(purpose("payment"), to=(DOCTOR, PAYER))
    (_, data) = (await forms(desk))[PAYER]
    assert not split_message(data).all("x-case")


async def test_forms_that_differ_in_their_header_have_an_end_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a copy of the whole message: they are held as it came, in one form, and no field of one is on another."""
    monkeypatch.setattr(edits, "MOST_FORMS", 1)
    told = ruled(
        *(
            rule(f'recipient == "{who}"', "allow", name=f"r{n}", more=f'add_header = {{ "X-To" = "{n}" }}')
            for n, who in enumerate((DOCTOR, PAYER, OTHER))
        )
    )
    desk = Desk(store, settings=told)
    queue_id = await desk.send(purpose("payment"), to=(DOCTOR, PAYER, OTHER))
    assert await desk.states(queue_id) == [EntryState.HELD] * 3
    assert not split_message(await desk.kept(queue_id)).all("x-to")


@pytest.mark.parametrize("found", [Infected("Eicar"), Unscannable("the base64 is malformed")])
async def test_what_a_scanner_refuses_of_a_changed_copy_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, found: Exception
) -> None:
    """Its lists may be newer than a moment ago: the sender hears it now, instead of a fault that looks temporary."""
    desk = Desk(store, settings=for_payers(MASK))
    looked, inspector = list[bytes](), desk.pipeline._inspector
    inspect = inspector.inspect

    async def scan(data: bytes, *, subject_tags: Sequence[str]) -> Report:
        looked.append(data)
        if len(looked) > 1:
            raise found
        return await inspect(data, subject_tags=subject_tags)

    monkeypatch.setattr(inspector, "inspect", scan)
    made = envelope(DOCTOR, PAYER)
    believed = replace(made, client=replace(made.client, believes_headers=True))
    answer = await desk.pipeline.submit(believed, letter(purpose("payment"), body=BODY))
    assert answer in {Verdict.INFECTED, Verdict.UNSCANNABLE}
    assert await desk.everything() == ()
    assert len(await desk.events("message.infected")) == 1


async def test_commercial_mail_shows_each_a_way_out_of_its_own(store: Store) -> None:
    """RFC 8058: the token of one in another's copy would opt the wrong person out; a colleague's copy has none."""
    desk, people = Desk(store), ("a@b.example", "c@d.example")
    await desk.send(purpose("marketing"), body=b"Buy.\r\n", to=(*people, "boss@clinic.example"))
    found = await forms(desk)
    assert body(found["boss@clinic.example"][1]) == b"Buy.\r\n"
    for who in people:
        entry, data = found[who]
        (field,) = split_message(data).all("list-unsubscribe")
        token = field.text.strip("<>").rpartition("/")[2]
        assert entry.state is EntryState.QUEUED
        assert read_token(KEY, token) == OptOut(who, "marketing", "clinic.example")
        assert data.count(b"/unsubscribe/") == 2  # header and text, both of this recipient
    assert len({one.queue_id for one, _ in found.values()}) == 3


@pytest.mark.parametrize(("name", "least"), [("MOST_FORMS", 1), ("MOST_OCTETS", 10)])
async def test_forms_have_an_end(store: Store, monkeypatch: pytest.MonkeyPatch, name: str, least: int) -> None:
    """A large message to many is not multiplied without bound: it is held, as it came, in one form."""
    monkeypatch.setattr(edits, name, least)
    desk = Desk(store)
    queue_id = await desk.send(purpose("marketing"), body=b"Buy.\r\n", to=("a@b.example", "c@d.example"))
    assert await desk.states(queue_id) == [EntryState.HELD, EntryState.HELD]
    assert len(await desk.own(MessageKind.SENDER_NOTICE)) == 1
    one = await desk.send(purpose("marketing"), body=b"Buy.\r\n")
    assert await desk.states(one) == [EntryState.QUEUED]


async def test_all_forms_or_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction: where it fails, the client keeps the message and no recipient has a copy."""
    desk, units = Desk(store, settings=for_payers(MASK)), list[Unit]()

    async def full(unit: Unit) -> None:
        units.append(unit)
        raise StoreFull

    monkeypatch.setattr(store, "commit", full)
    made = envelope(DOCTOR, PAYER)
    answer = await desk.pipeline.submit(
        replace(made, client=replace(made.client, believes_headers=True)), letter(purpose("payment"), body=BODY)
    )
    monkeypatch.undo()
    assert not isinstance(answer, Accepted)
    assert (len(units), await desk.everything()) == (1, ())


async def test_a_person_who_releases_a_form_counts_everybody(store: Store) -> None:
    """Alone in its form is not alone: what was protected since others get it too is so after a release."""
    told = ruled(
        rule(TO_PAYER, "hold", name="look", more=MASK),
        rule("recipients.count > 1", "portal-only", name="many"),
    )
    desk = Desk(store, settings=told)
    await desk.send(purpose("payment"), to=(DOCTOR, PAYER))
    held = (await forms(desk))[PAYER][0]
    assert held.state is EntryState.HELD
    await by_hand.release(Office(store, told), queue_id=held.queue_id, reason="seen", to=PAYER)
    (freed,) = [one for one in await desk.entries(held.queue_id) if one.recipient == PAYER]
    assert (freed.state, [method.value for method in freed.methods]) == (EntryState.QUEUED, ["portal"])


BODIES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["", "Held: x."]), st.booleans()), min_size=1, max_size=8
)


@pytest.mark.slow
@given(BODIES)
def test_each_recipient_is_in_one_form_with_what_is_theirs(wanted: list[tuple[int, str, bool]]) -> None:
    """Whatever parts there are: nobody is lost or there twice, each has the decision and the bytes that were made for
    them, and only who is refused may be beside others."""
    people = [f"p{number}@b.example" for number in range(len(wanted))]
    made, data = envelope(*people), [letter(body=b"%d" % number) for number in range(4)]
    header = check(data[0], hostname="gw.clinic.example", believes_headers=False, allows_utf8=False)
    assert not isinstance(header, Verdict)
    decisions = tuple(
        Decision(
            recipient=who, action=Action.REJECT if refused else Action.ALLOW, protected=False, methods=(), trace=(who,)
        )
        for who, (_, _, refused) in zip(people, wanted, strict=True)
    )
    facts = Facts(report=CLEAN, recipients=tuple(RecipientFacts(address=who, methods=()) for who in people))
    judged = Judged(
        queue_id="Q", envelope=made, header=header, report=CLEAN, facts=facts, decisions=decisions, data=data[0]
    )
    groups: dict[tuple[int, str], list[int]] = {}
    for number, (body_number, held, _) in enumerate(wanted):
        groups.setdefault((0 if held else body_number, held), []).append(number)
    whole, found = join(judged, [Part(who, data[number], held=held) for (number, held), who in groups.items()])
    assert found[0].queue_id == "Q"
    assert len({form.queue_id for form in found}) == len(found)
    there = [one.recipient for form in found for one in form.decisions]
    assert sorted(there) == people
    assert [one.recipient for one in whole.decisions] == people
    for form in found:
        assert form.facts.addresses == tuple(people)
        assert [one.address for one in form.envelope.recipients] == [one.recipient for one in form.decisions]
        assert [one.address for one in form.facts.recipients] == [one.recipient for one in form.decisions]
        for one in form.decisions:
            body_number, held, refused = wanted[people.index(one.recipient)]
            assert one.trace[0] == one.recipient
            assert one.action is (Action.REJECT if refused else Action.HOLD if held else Action.ALLOW)
            assert refused or form.data == data[0 if held else body_number]
