"""Bodies that change on their way: texts below, values masked, commercial mail; and what is never touched."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.config import Settings
from gateway.control import queue as control
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.fields import split_message
from gateway.message.optout import UNSUBSCRIBE, OptOut, read_token
from gateway.message.verdict import Accepted, Verdict
from gateway.pipeline.edits import BodyEdits
from gateway.pipeline.footers import Shop
from gateway.store import consents
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.workers.errors import PoolUnavailable
from policy.consent import Kind as ConsentKind
from policy.phi.report import Report
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import SENDER, Counter, Here, envelope, letter
from tests.gateway.pipeline.test_registers import consent
from tests.gateway.pipeline.test_rules import rule, ruled

KEY = b"k" * 32
SHOP = Shop(
    base_url="https://gw.clinic.example", postal_address="1 Main Street, Springfield",
    organisations={"clinic.example": "Clinic A"}, key=KEY,
)  # fmt: skip
FOOTER = 'disclaimer = "This is confidential."'
MASK = 'redact = ["ssn"]'
BODY = b"The SSN: 219-09-9999 is on file.\r\n"


class Desk(Counter):
    """Classifies what it gets, and edits it."""

    def __post_init__(self) -> None:
        self.answer: Report | Exception | None = None
        super().__post_init__()
        self.here = Here()
        self.shop(SHOP)

    def shop(self, shop: Shop) -> None:
        self.pipeline._edits = BodyEdits(self.pipeline.rules, shop, self.here, self.pipeline._inspector)

    async def send(self, *fields: bytes, body: bytes = BODY, to: Sequence[str] = ("pat@b.example",)) -> str:
        """From a system whose control fields are believed. Returns: the queue id."""
        made = envelope(*to)
        believed = replace(made, client=replace(made.client, believes_headers=True))
        answer = await self.pipeline.submit(believed, letter(*fields, body=body))
        assert isinstance(answer, Accepted)
        return answer.queue_id

    async def sent(self, *fields: bytes, body: bytes = BODY) -> tuple[QueueEntry, bytes]:
        queue_id = await self.send(*fields, body=body)
        return (await self.entries(queue_id))[0], await self.kept(queue_id)


def purpose(word: str) -> bytes:
    return f"X-Mailward-Purpose: {word}".encode()


def told(*more: str, when: str = "true") -> Settings:
    return ruled(*(rule(when, "allow", name=f"r{n}", more=one) for n, one in enumerate(more)))


async def test_a_text_is_put_below(store: Store) -> None:
    """Each text once, in the same order whatever the order of the rules."""
    other = 'disclaimer = "And another."'
    bodies = []
    for more in ((FOOTER, other, FOOTER), (other, FOOTER)):
        entry, data = await Desk(store, settings=told(*more)).sent(body=b"Hello\r\n")
        assert entry.state is EntryState.QUEUED
        bodies.append(bytes(split_message(data).body))
    assert bodies == [b"Hello\r\n\r\nAnd another.\r\n\r\nThis is confidential.\r\n"] * 2


async def test_a_number_is_masked_and_that_is_on_record(store: Store) -> None:
    """The reader sees that something is missing, the sender is told what, and the trace counts it: never a value."""
    desk = Desk(store, settings=told(MASK))
    entry, data = await desk.sent(purpose("payment"))
    assert b"The SSN: [ssn removed] is on file." in data
    (decided,) = await desk.events("message.decided")
    assert "Masked in it, by rule: 1 ssn." in str(decided.data["trace"])
    (notice,) = await desk.own(MessageKind.SENDER_NOTICE)
    words = await desk.kept(notice.queue_id)
    assert notice.recipient == SENDER
    assert b"ssn: 1" in words
    assert b"9999" not in words
    assert entry.state is EntryState.QUEUED


@pytest.mark.parametrize("word", ["treatment", "individual", "access", "authorized", "required-by-law"])
async def test_care_and_the_individual_are_never_touched(store: Store, word: str) -> None:
    """45 CFR 164.502(b)(2): octet for octet, and the trace says why."""
    desk = Desk(store, settings=told(MASK, FOOTER))
    entry, data = await desk.sent(purpose(word))
    assert bytes(split_message(data).body) == BODY
    assert entry.state is EntryState.QUEUED
    (decided,) = await desk.events("message.decided")
    assert f"No rule changes it: its purpose is {word}" in str(decided.data["trace"])


@pytest.mark.parametrize("more", [FOOTER, MASK])
async def test_what_its_author_signed_is_held(store: Store, more: str) -> None:
    """Neither changed nor sent as it is; its sender is told."""
    desk = Desk(store, settings=told(more))
    signed = (
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b\r\n'
        b"Content-Description: x"
    )
    body = b"--b\r\n\r\n" + BODY + b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--\r\n"
    entry, data = await desk.sent(purpose("payment"), *signed.split(b"\r\n"), body=body)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.HELD, body)
    (event,) = await desk.events("message.held")
    assert "its author signed" in str(event.data["why"])
    (notice,) = await desk.own(MessageKind.SENDER_NOTICE)
    assert notice.recipient == SENDER


async def test_what_might_be_treatment_is_not_masked(store: Store) -> None:
    """Health information whose purpose nobody said waits for a person; a mere text below it stays away."""
    body = b"Patient Martha Grimes, SSN: 219-09-9999, has diabetes, HbA1c 9.1.\r\n"
    entry, data = await Desk(store, settings=told(MASK)).sent(body=body)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.HELD, body)
    entry, data = await Desk(store, settings=told(FOOTER)).sent(body=body)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.QUEUED, body)


async def test_what_is_left_is_held(store: Store) -> None:
    """In an attachment, in the subject, or because a child left it: masked everywhere or not sent."""
    attached = (
        b"MIME-Version: 1.0", b"Content-Type: multipart/mixed; boundary=b",
    )  # fmt: skip
    parts = b"--b\r\n\r\n" + BODY + b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n" + BODY
    desk = Desk(store, settings=told(MASK))
    entry, _ = await desk.sent(purpose("payment"), *attached, body=parts + b"--b--\r\n")
    assert entry.state is EntryState.HELD
    entry, _ = await desk.sent(purpose("payment"), b"Subject: SSN: 219-09-9999")
    assert entry.state is EntryState.HELD
    desk.here.is_blind = True
    entry, _ = await desk.sent(purpose("payment"))
    assert entry.state is EntryState.HELD


async def test_a_structure_that_nobody_can_change_is_held(store: Store) -> None:
    desk = Desk(store, settings=told(FOOTER))
    entry, _ = await desk.sent(b"Content-Type: text/plain; charset=koi8-r", body=b"Hello\r\n")
    assert entry.state is EntryState.HELD
    (event,) = await desk.events("message.held")
    assert "cannot be read back exactly" in str(event.data["why"])


async def test_no_editor_now_is_no_acceptance(store: Store) -> None:
    """The client has the message and tries again."""
    desk = Desk(store, settings=told(FOOTER))
    desk.here.fault = PoolUnavailable("none")
    assert await desk.submit(letter()) is Verdict.NO_INSPECTOR


async def test_protection_stays_that_of_the_message_as_it_came(store: Store) -> None:
    """Masking lowers nothing: the rule that asks by the number still has what it asked for."""
    settings = ruled(
        rule("true", "allow", name="mask", more=MASK), rule("findings.ssn.count > 0", "portal-only", name="portal")
    )
    entry, _ = await Desk(store, settings=settings).sent(purpose("payment"))
    assert (entry.protected, [method.value for method in entry.methods]) == (True, ["portal"])


async def test_commercial_mail_shows_what_it_must(store: Store) -> None:
    """16 CFR part 316, RFC 8058: an advertisement, how to get no more, where we are; the fields are ours alone."""
    desk = Desk(store)
    entry, data = await desk.sent(
        purpose("marketing"), b"List-Unsubscribe: <mailto:a@b.example>", body=b"Buy our soap.\r\n"
    )
    assert entry.state is EntryState.QUEUED
    parsed = split_message(data)
    (field,) = parsed.all("list-unsubscribe")
    assert [one.text for one in parsed.all("list-unsubscribe-post")] == ["List-Unsubscribe=One-Click"]
    text = bytes(parsed.body).decode()
    url = field.text.strip("<>")
    assert url.startswith("https://gw.clinic.example/unsubscribe/")
    assert "This is an advertisement from Clinic A." in text
    assert f"To get no more such mail, open\r\n{url}\r\n" in text
    assert text.endswith("1 Main Street, Springfield\r\n")
    assert read_token(KEY, url.rpartition("/")[2]) == OptOut("pat@b.example", "marketing", "clinic.example")
    assert "pat" not in url


SIGNED = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b'
SIGNED_BODY = b"--b\r\n\r\nBuy our soap.\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--\r\n"
PDF = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64"
SELLS = f'[commercial]\npostal_address = "{SHOP.postal_address}"\n'


@pytest.mark.parametrize(
    ("fields", "body", "why"),
    [
        ((SIGNED,), SIGNED_BODY, "its author signed or encrypted it"),
        ((PDF,), b"JVBERi0xLjQK\r\n", "it has no text body that could be changed"),
    ],
)
async def test_no_release_of_commercial_mail_without_what_it_must_show(
    store: Store, fields: tuple[bytes, ...], body: bytes, why: str
) -> None:
    """15 U.S.C. 7704(a)(5)(A): a reviewer who has read it in the message itself says where, by name; on record."""
    desk = Desk(store)
    entry, data = await desk.sent(purpose("marketing"), *fields, body=body)
    assert entry.state is EntryState.HELD
    office = Office(store, settings(SELLS), changer=desk.here)
    ask = {"queue_id": entry.queue_id, "reason": "spring campaign"}
    with pytest.raises(Refused, match=f"postal address and a way to opt out.*because {why}.*--shows"):
        await control.release(office, **ask, by="anna")
    with pytest.raises(Refused, match="by name"):
        await control.release(office, **ask, shows="below the first picture")
    assert await control.release_many(office, ids=[entry.queue_id], reason="all", by="anna") == {
        "released": 0,
        "held": 1,
    }
    assert await desk.states(entry.queue_id) == [EntryState.HELD]
    assert await control.release(office, **ask, by="anna", shows=" below the first picture ") == 1
    (event,) = await desk.events("message.released")
    assert (event.data["by"], event.data["shows"]) == ("anna", "below the first picture")
    assert await desk.kept(entry.queue_id) == data, "and it is as its author wrote it"


async def test_a_release_puts_below_what_is_not_there_yet(store: Store) -> None:
    """A label says only now what it is for: footer and fields, as mail has that comes now. What has them stays."""
    look, when = rule("true", "hold", name="look"), f'login == "{SENDER}"'
    label = f"[[policy.label]]\nname = 'l'\nwhen = '{when}'\npurpose = 'marketing'\n"
    desk = Desk(store, settings=ruled(look))
    entry, data = await desk.sent(b"List-Unsubscribe: <mailto:a@b.example>", body=b"Buy our soap.\r\n")
    assert (entry.state, b"/unsubscribe/" in data) == (EntryState.HELD, False)
    office = Office(store, settings(SELLS + look + label), changer=desk.here)
    assert await control.release(office, queue_id=entry.queue_id, reason="so it is") == 1
    data = await desk.kept(entry.queue_id)
    (field,) = split_message(data).all("list-unsubscribe")
    token = read_token(store.vault.hash_key(UNSUBSCRIBE), field.text.strip("<>").rpartition("/")[2])
    assert token == OptOut("pat@b.example", "marketing", "clinic.example")
    assert bytes(split_message(data).body).endswith(b"1 Main Street, Springfield\r\n")
    (queued,) = await desk.entries(entry.queue_id)
    await store.commit(Unit(changes=(save_entry(replace(queued, state=EntryState.HELD), release=True),)))
    assert await control.release(office, queue_id=entry.queue_id, reason="again") == 1
    assert await desk.kept(entry.queue_id) == data


@pytest.mark.parametrize("word", ["marketing", "fundraising", "treatment"])
async def test_who_opted_out_while_it_waited_gets_none(store: Store, word: str) -> None:
    """At once, without any pack, also where somebody lets it go; care is not stopped."""
    desk, office = Desk(store, settings=ruled(rule("true", "hold", name="look"))), Office(store, settings(SELLS))
    entry, _ = await desk.sent(purpose(word), body=b"Buy our soap.\r\n")
    gone = consent("pat@b.example", ConsentKind.OPT_OUT, purposes=("any",), given_at=envelope().received_at)
    await consents.add(store, [gone], events=())
    if word == "treatment":
        assert await control.release(office, queue_id=entry.queue_id, reason="seen") == 1
        return
    with pytest.raises(Refused, match=r"pat@b\.example: 550 5\.7\.1 Opted out: .*; refuse it"):
        await control.release(office, queue_id=entry.queue_id, reason="seen")
    assert await desk.states(entry.queue_id) == [EntryState.HELD]


async def test_with_a_footer_below_it_a_release_asks_nothing(store: Store) -> None:
    desk = Desk(store, settings=ruled(rule("true", "hold", name="look")))
    entry, data = await desk.sent(purpose("marketing"), body=b"Buy our soap.\r\n")
    assert (entry.state, b"/unsubscribe/" in data) == (EntryState.HELD, True)
    office = Office(store, settings(SELLS + rule("true", "hold", name="look")))
    assert await control.release(office, queue_id=entry.queue_id, reason="seen") == 1
    assert await desk.kept(entry.queue_id) == data


OFFER = b"Special offer: buy now with the promo code SOAP.\r\n"


async def test_what_reads_like_an_offer_waits_for_its_sender_to_say(store: Store) -> None:
    """16 CFR 316.3(a): no footer is guessed, and none forgotten; said to be marketing, it goes with one."""
    desk = Desk(store)
    entry, data = await desk.sent(body=OFFER)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.HELD, OFFER)
    (notice,) = await desk.own(MessageKind.SENDER_NOTICE)
    words = (await desk.kept(notice.queue_id)).decode()
    assert "X-Mailward-Purpose" in words
    assert "SOAP" not in words
    entry, data = await desk.sent(purpose("marketing"), body=OFFER)
    assert (entry.state, b"/unsubscribe/" in data) == (EntryState.QUEUED, True)
    entry, data = await desk.sent(purpose("operations"), body=OFFER)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.QUEUED, OFFER)


async def test_care_that_comes_first_is_no_advertisement(store: Store) -> None:
    """16 CFR 316.3(a)(2)(ii): nobody waits for a lab result since a coupon stands below it."""
    body = b"Patient Martha Grimes, DOB 03/31/1961, has diabetes, HbA1c 9.1.\r\n\r\n" + OFFER
    entry, data = await Desk(store).sent(body=body)
    assert (entry.state, bytes(split_message(data).body)) == (EntryState.QUEUED, body)
    entry, _ = await Desk(store).sent(b"Subject: Special offer", body=body)
    assert entry.state is EntryState.HELD


@pytest.mark.parametrize("word", ["treatment", "operations", "individual", "fundraising"])
async def test_other_mail_shows_nothing(store: Store, word: str) -> None:
    """Clinical mail is not advertising, whatever is in it."""
    _, data = await Desk(store).sent(purpose(word), body=b"Buy our soap.\r\n")
    assert bytes(split_message(data).body) == b"Buy our soap.\r\n"
    assert not split_message(data).all("list-unsubscribe")


async def test_without_a_postal_address_nothing_is_put_below(store: Store) -> None:
    desk = Desk(store)
    desk.shop(replace(SHOP, postal_address=""))
    assert (await desk.sent(body=OFFER))[0].state is EntryState.QUEUED  # nor asked: the clinic's system does it
    _, data = await desk.sent(purpose("marketing"), body=b"Buy.\r\n")
    assert bytes(split_message(data).body) == b"Buy.\r\n"


async def test_who_opted_out_gets_none_but_care_goes_on(store: Store) -> None:
    """At once, without any pack, and for that purpose alone."""
    now = envelope().received_at
    gone = consent("pat@b.example", ConsentKind.OPT_OUT, purposes=("marketing",), given_at=now)
    await consents.add(store, [gone], events=())
    desk = Desk(store)
    (entry,) = await desk.entries(await desk.send(purpose("marketing"), body=b"Buy.\r\n"))
    assert (entry.state, entry.last_reply[:9]) == (EntryState.BOUNCED, "550 5.7.1")
    for word in ("treatment", "fundraising", "operations"):
        entry, _ = await desk.sent(purpose(word), body=b"See you.\r\n")
        assert entry.state is EntryState.QUEUED
