"""Envelopes of our own mail: null reverse path, one recipient, one rung, and nothing of the message inside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.delivery.letter import letter_of
from gateway.delivery.needs import NeedsPolicy, needs_for
from gateway.delivery.ownmail import CODE_LIFETIME, OwnMail, OwnMailPolicy
from gateway.message.entry import MessageKind
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Cause, Secret
from gateway.store.rows import NewMessage, PortalMessage
from policy.decision import Method, UnsignedMx
from tests.gateway.delivery.office import DAY, MARKER, RECIPIENT, SENDER, Office, make_entry, make_message, read, told

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENTRY = make_entry(new_queue_id(), methods=(Method.PORTAL,), last_reply="250 2.0.0 ok")
LETTER = letter_of(make_message(ENTRY))
WAITING = PortalMessage(
    token_hash=b"t", entry_id=ENTRY.id, queue_id=ENTRY.queue_id, recipient=RECIPIENT, sender=SENDER, secret="code",
    published_at=NOW, expires_at=NOW + DAY,
)  # fmt: skip

MAKERS: dict[str, tuple[Callable[[OwnMail], NewMessage], MessageKind, str]] = {
    "portal notice": (
        lambda own: own.portal_notice(ENTRY, token="t" * 43, expires_at=NOW + DAY, asks_for=Secret.CODE, now=NOW),
        MessageKind.NOTICE,
        RECIPIENT,
    ),
    "code": (
        lambda own: own.code(WAITING, code="123456", reference="ABCD", now=NOW),
        MessageKind.CODE,
        RECIPIENT,
    ),
    "climb": (
        lambda own: own.climb_notice(ENTRY, cause=Cause.NO_TLS, pin="", now=NOW),
        MessageKind.SENDER_NOTICE,
        SENDER,
    ),
    "PIN": (
        lambda own: own.climb_notice(ENTRY, cause=Cause.NO_TLS, pin="1234-5678", now=NOW),
        MessageKind.SENDER_NOTICE,
        SENDER,
    ),
    "held": (lambda own: own.held_notice([ENTRY], now=NOW), MessageKind.SENDER_NOTICE, SENDER),
    "failure": (lambda own: own.failure(LETTER, [(ENTRY, "why", "")], now=NOW), MessageKind.DSN, SENDER),
    "delay": (lambda own: own.delay(LETTER, [(ENTRY, "why", "")], now=NOW), MessageKind.DSN, SENDER),
    "delivered": (lambda own: own.delivered(LETTER, [(ENTRY, "why", "")], now=NOW), MessageKind.DSN, SENDER),
    "relayed": (lambda own: own.relayed(LETTER, [(ENTRY, "why", "")], now=NOW), MessageKind.DSN, SENDER),
}


@pytest.mark.parametrize("name", MAKERS)
async def test_envelope(office: Office, name: str) -> None:
    """RFC 5321 section 4.5.5: from nobody, so that nothing answers it; OB-10: it never makes a DSN of its own."""
    make, kind, to = MAKERS[name]
    message = make(office.own_mail)
    (entry,) = message.entries
    assert (message.kind, message.sender, message.about_id) == (kind, "", ENTRY.queue_id)
    assert (entry.kind, entry.sender, entry.recipient, entry.methods) == (kind, "", to, (Method.TLS,))
    assert (entry.queue_id, entry.id) == (message.id, f"{message.id}-1")
    assert entry.notify == {Notify.NEVER}
    assert entry.protected is (name in {"code", "PIN"}), "what holds a secret has no rung but verified TLS"
    assert entry.expires_at - NOW == (CODE_LIFETIME if name == "code" else 5 * DAY)


@pytest.mark.parametrize("name", ["failure", "delay", "delivered", "relayed"])
@pytest.mark.parametrize("requiretls", [True, False])
async def test_a_report_about_requiretls_asks_for_it(office: Office, name: str, requiretls: bool) -> None:
    """TL-27, RFC 8689 section 5: of several recipients told at once, one is enough."""
    told_of = [(ENTRY, "why", ""), (replace(ENTRY, requiretls=requiretls), "why", "")]
    message: NewMessage = getattr(office.own_mail, name)(LETTER, told_of, now=NOW)
    assert [entry.requiretls for entry in message.entries] == [requiretls]
    assert bool(read(message)["TLS-Required"]) is not requiretls


@pytest.mark.parametrize("name", MAKERS)
async def test_header_and_content(office: Office, name: str) -> None:
    """Signed by the sender's own domain; nothing of the message, whoever reads it."""
    message = MAKERS[name][0](office.own_mail)
    mail = read(message)
    assert str(mail["From"]).endswith("@clinic.example>")
    assert mail["Auto-Submitted"]
    assert mail["Message-ID"] == f"<{message.id}@gw.clinic.example>"
    assert MARKER not in message.body
    assert b"Secret subject" not in message.body


@pytest.mark.parametrize(
    ("reply", "failed", "delayed"),
    [
        ("550 5.1.1 no such user", "5.1.1", "4.4.7"),
        ("450 4.2.0 later", "5.0.0", "4.2.0"),
        ("", "5.0.0", "4.4.7"),
        ("what?", "5.0.0", "4.4.7"),
    ],
)
async def test_status_fits_what_is_told(office: Office, reply: str, failed: str, delayed: str) -> None:
    """RFC 3464 section 2.3.4: a failure is never told with a temporary code, nor a delay with a permanent one."""
    entry = make_entry(new_queue_id(), last_reply=reply)
    rows = [(entry, "why", "mx.b.example")]
    assert told(office.own_mail.failure(LETTER, rows, now=NOW))[0][1:] == ("failed", failed)
    assert told(office.own_mail.delay(LETTER, rows, now=NOW))[0][1:] == ("delayed", delayed)


async def test_a_sender_outside_our_domains_hears_from_our_first_one(office: Office) -> None:
    """Mail for others is DKIM-signed by a domain that is ours."""
    entry = make_entry(new_queue_id(), sender="x@elsewhere.example")
    notice = office.own_mail.held_notice([entry], now=NOW)
    assert "@clinic.example" in str(read(notice)["From"])
    assert notice.entries[0].recipient == "x@elsewhere.example"


async def test_the_lease_is_the_schedulers(office: Office) -> None:
    until = NOW + timedelta(minutes=10)
    own = OwnMail(office.own_mail._policy, lease=lambda: until)
    assert own.held_notice([ENTRY], now=NOW).lease_until == until


@pytest.mark.parametrize("asks_for", Secret)
async def test_a_neutral_sender_for_what_is_sensitive(asks_for: Secret) -> None:
    """Issue 6, line 3: neither notice nor code names a clinic or a domain that tells what it treats."""
    policy = OwnMailPolicy(
        hostname="gw.trust.example",
        base_url="https://secure.trust.example",
        organisations={"hiv-clinic.example": "HIV Clinic", "trust.example": "Trust"},
        expire_after=DAY,
        held_for=DAY,
        neutral=("Private Message Service", "trust.example"),
    )
    own = OwnMail(policy, lease=lambda: None)
    entry = replace(ENTRY, sender="ann@hiv-clinic.example")
    waiting = replace(WAITING, sender=entry.sender)
    for sensitive in (True, False):
        bodies = [
            own.portal_notice(
                replace(entry, sensitive=sensitive), token="t" * 43, expires_at=NOW + DAY, asks_for=asks_for, now=NOW
            ).body,
            own.code(replace(waiting, sensitive=sensitive), code="123456", reference="ABCD", now=NOW).body,
        ]
        for body in bodies:
            assert (b"hiv" in body.lower()) is not sensitive
            assert (b'"Private Message Service" <secure-mail@trust.example>' in body) is sensitive
    (code,) = own.code(replace(waiting, sensitive=True), code="123456", reference="ABCD", now=NOW).entries
    assert code.sensitive, "the code goes by vouched hosts, too"


async def test_a_pin_of_a_legal_class_goes_as_its_message(office: Office) -> None:
    """With the link it opens the message, so unsigned DNS vouches for no host of it, whatever is configured."""
    for is_sensitive in (True, False):
        about = replace(ENTRY, sensitive=is_sensitive)
        (entry,) = office.own_mail.climb_notice(about, cause=Cause.NO_TLS, pin="1234-5678", now=NOW).entries
        needs = needs_for(entry, NeedsPolicy(unsigned_mx=UnsignedMx.ACCEPT), has_pin=True, is_inbound=False)
        assert needs.is_vouched is is_sensitive
