"""gateway.message.hygiene: what we refuse, add and take away."""

import time
from datetime import UTC, datetime

import pytest

from gateway.message.fields import HeaderError
from gateway.message.hygiene import HeaderFacts, check, prepare
from gateway.message.verdict import Verdict
from policy.decision import Method

HOST = "gw.clinic.example"
NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
RECEIVED = b"Received: from x by gw.clinic.example; now\r\n"


def facts(data: bytes, *, believes_headers: bool = True) -> HeaderFacts:
    found = check(data, hostname=HOST, believes_headers=believes_headers, allows_utf8=False)
    assert isinstance(found, HeaderFacts)
    return found


def prepared(data: bytes, *, subject: bytes = b"") -> bytes:
    return prepare(data, received=RECEIVED, authserv_id=HOST, hostname=HOST, queue_id="Q1", now=NOW, subject=subject)


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        (b"", Verdict.BAD_HEADER),
        (b"From : a@b.example\r\n", Verdict.BAD_HEADER),
        (b" From: a@b.example\r\n", Verdict.BAD_HEADER),
        (b"From\r\n : a@b.example\r\n", Verdict.BAD_HEADER),
        (b"Subject: none\r\n", Verdict.BAD_FROM),
        (b"From: a@b.example\r\nfrom: c@d.example\r\n", Verdict.BAD_FROM),
        (b"From: a@b.example, c@d.example\r\n", Verdict.BAD_FROM),
        (b"From: a@b.example\r\n" + b"Received: by x; now\r\n" * 50, Verdict.TOO_MANY_HOPS),
        (b"Received: from y\r\n by GW.clinic.example; now\r\nFrom: a@b.example\r\n", Verdict.TOO_MANY_HOPS),
        (b"From: a@b.example\r\nX-Mailward-Patient: M\xfcller 42\r\n", Verdict.BAD_HEADER),  # no retry heals it
        (b"From: a@b.example\r\nReferences: " + b"x" * 1_000_000 + b"\r\n", Verdict.BAD_HEADER),
    ],
)
def test_refused(header: bytes, verdict: Verdict) -> None:
    """ID-05, ID-06, ID-11, SM-20."""
    assert check(header + b"\r\nbody\r\n", hostname=HOST, believes_headers=True, allows_utf8=False) is verdict


def test_facts_of_an_ordinary_message() -> None:
    """From + Sender + Resent-From is one From (ID-05)."""
    found = facts(
        b"From: Joe <Joe@Clinic.example>\r\nSender: x@y.example\r\nResent-From: z@y.example\r\n"
        b"Message-ID: <1@clinic.example>\r\nDate: today\r\nReceived: by other.example; now\r\n\r\n"
    )
    assert found == HeaderFacts(
        from_address="Joe@clinic.example",
        claims=("x@y.example", "z@y.example"),
        message_id="<1@clinic.example>",
        date="today",
        urgent=False,
        control={},
    )


@pytest.mark.parametrize("value", [b"", b"a@b.example, c@d.example", b'"a@b.example" <c@d.example>', b"<@a,@b:u@c>"])
def test_a_claim_that_can_be_read_in_two_ways_is_nobody(value: bytes) -> None:
    """ID-05, ID-06: an empty claim is nobody's address, so no login may make it."""
    assert facts(b"From: a@b.example\r\nSender: " + value + b"\r\n\r\n").claims == ("",)


@pytest.mark.parametrize(
    ("field", "urgent"),
    [(b"X-Mailward-Priority: Urgent", True), (b"Importance: High", True), (b"Importance: low", False)],
)
def test_urgency(field: bytes, urgent: bool) -> None:
    """interface.md, Mail; RFC 2156 5.3.4."""
    assert facts(b"From: a@b.example\r\n" + field + b"\r\n\r\n").urgent is urgent


@pytest.mark.parametrize(
    ("word", "method"),
    [(b"portal", Method.PORTAL), (b"OpenPGP", Method.OPENPGP), (b"pigeon", Method.PORTAL), (b"", None)],
)
def test_method_only_raises(word: bytes, method: Method | None) -> None:
    """ID-08: a word that we do not know asks for the most."""
    assert facts(b"From: a@b.example\r\nX-Mailward-Method: " + word + b"\r\n\r\n").lowest_method is method


def test_what_clients_claim_is_taken_out() -> None:
    """ID-08: forged results in our name, control fields, blind copies; foreign signatures and results stay."""
    data = (
        b"Return-Path: <a@b>\r\nAuthentication-Results: gw.clinic.EXAMPLE 1; spf=pass\r\n"
        b"Authentication-Results: (c) gw.clinic.example; spf=pass\r\nAuthentication-Results: mx.other.example;\r\n"
        b' spf=pass\r\nAuthentication-Results: "gw.clinic.example"; none\r\nDKIM-Signature: v=1; b=x\r\n'
        b"Received: from a by b; c\r\nBcc: s@t.example\r\nResent-Bcc: s@t.example\r\nX-Mailward-Purpose: treatment\r\n"
        b"TLS-Required: No\r\nFrom: a@b.example\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nBcc: body\r\n"
    )
    assert prepared(data) == RECEIVED + (
        b"Authentication-Results: mx.other.example;\r\n spf=pass\r\nDKIM-Signature: v=1; b=x\r\n"
        b"Received: from a by b; c\r\nFrom: a@b.example\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\nBcc: body\r\n"
    )


def test_missing_fields_are_added_once() -> None:
    """ID-11, RFC 6409 section 8."""
    once = prepared(b"From: a@b.example\r\n\r\nbody\r\n")
    assert once == RECEIVED + (
        b"From: a@b.example\r\nDate: Tue, 24 Nov 2026 03:45:00 +0000\r\n"
        b"Message-ID: <Q1@gw.clinic.example>\r\n\r\nbody\r\n"
    )
    assert prepared(once).count(b"Message-ID") == 1


def test_repeated_fields_leave_once() -> None:
    """ID-11: the first Date, Message-ID and Subject count."""
    twice = b"Date: 1\r\nDate: 2\r\nMessage-ID: <1@x>\r\nmessage-id: <2@x>\r\nSubject: s\r\nSUBJECT: t\r\n"
    data = b"From: a@b.example\r\n" + twice + b"\r\n"
    assert prepared(data) == RECEIVED + b"From: a@b.example\r\nDate: 1\r\nMessage-ID: <1@x>\r\nSubject: s\r\n\r\n"


def test_subject_without_its_tag() -> None:
    """The caller's new field takes the place of the old one; injection is refused (ID-09, ID-10)."""
    data = b"From: a@b.example\r\nSubject: [secure] s\r\nDate: 1\r\nMessage-ID: <1@x>\r\n\r\n"
    assert b"Subject: s\r\nDate" in prepared(data, subject=b"Subject: s\r\n")
    with pytest.raises(HeaderError):
        prepared(data, subject=b"Subject: s\r\nBcc: x@y\r\n")


def test_large_messages_are_cheap() -> None:
    """100 KiB of header and 50 MB of body: the aim is 5 ms for the check (the bound allows for a busy machine)."""
    data = b"From: a@b.example\r\n" + b"X-Mailward-Y: zzzz\r\n" * 900 + b"References: " + b"x" * 80_000 + b"\r\n\r\n"
    data += b"x" * 50_000_000
    start = time.process_time()
    facts(data)
    assert time.process_time() - start < 0.5


def test_control_fields_of_strangers_say_nothing() -> None:
    """ID-08: neither method nor urgency, where the listener does not believe them."""
    data = b"From: a@b.example\r\nX-Mailward-Method: portal\r\nX-Mailward-Priority: urgent\r\n\r\n"
    found = facts(data, believes_headers=False)
    assert (found.lowest_method, found.urgent, found.control) == (None, False, {})
    assert facts(data).urgent


def test_utf8_author() -> None:
    """SM-18, ID-05: an author outside US-ASCII only in mail that came by SMTPUTF8."""
    data = "From: J\u00f6 <j\u00f6@clinic.example>\r\n\r\n".encode()
    found = check(data, hostname=HOST, believes_headers=False, allows_utf8=True)
    assert isinstance(found, HeaderFacts)
    assert found.from_address == "j\u00f6@clinic.example"
    assert check(data, hostname=HOST, believes_headers=False, allows_utf8=False) is Verdict.BAD_FROM
