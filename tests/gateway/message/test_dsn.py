"""gateway.message.dsn: by the book, in plain words, and without a word of the message."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import cast

import pytest

from gateway.message.dsn import RecipientReport, Report, delay_dsn, failure_dsn, relayed_dsn, status_of
from gateway.message.fields import split_message

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
REPORT = Report(
    hostname="gw.clinic.example",
    from_address="postmaster@clinic.example",
    sender="joe@clinic.example",
    queue_id="0" * 26,
    dsn_id="1" * 26,
    received_at=NOW - timedelta(hours=1),
    now=NOW,
    envid="QQ314159",
    message_id="<42@clinic.example>",
    date="Tue, 24 Nov 2026 02:44:00 +0000",
)
GONE = RecipientReport(
    address="b@example.org",
    status="5.1.1",
    reply="550 5.1.1 No such user",
    remote_mta="mx.example.org",
    orcpt="rfc822;B@example.org",
)


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def test_failure_is_a_delivery_report() -> None:
    """RFC 6522 and RFC 3464: three parts, each field in its place."""
    data = failure_dsn(REPORT, [GONE, RecipientReport(address="c@example.org", status="5.2.2")])
    message = read(data)
    assert data.isascii()
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["TLS-Required"] == "No"
    assert message["To"] == "joe@clinic.example"
    words, status, original = (cast("EmailMessage", part) for part in message.iter_parts())
    assert [part.get_content_type() for part in (words, status, original)] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    whole, first, second = cast("list[EmailMessage]", status.get_payload())
    assert whole.items() == [
        ("Original-Envelope-Id", "QQ314159"),
        ("Reporting-MTA", "dns; gw.clinic.example"),
        ("Arrival-Date", "Tue, 24 Nov 2026 02:45:00 +0000"),
    ]
    assert first.items() == [
        ("Original-Recipient", "rfc822;B@example.org"),
        ("Final-Recipient", "rfc822; b@example.org"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mx.example.org"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 No such user"),
    ]
    assert second["Final-Recipient"] == "rfc822; c@example.org"
    assert "There is no such mailbox." in words.get_content()
    assert "The mailbox is full." in words.get_content()


def test_only_envelope_identifies_the_message() -> None:
    """OB-11: no subject, no body; a Message-ID or Date that could carry words is left out."""
    report = Report(
        **{name: getattr(REPORT, name) for name in Report.__slots__ if name not in ("message_id", "date")},
        message_id="<MRN 123456 of Jane Roe>",
        date="Jane Roe's result\r\nBcc: x@y.example",
    )
    data = failure_dsn(report, [GONE])
    assert b"Jane" not in data
    assert b"Subject: (not shown)" in data
    assert [f.name for f in split_message(data).fields].count("to") == 1


def test_delay_says_how_long_we_try() -> None:
    """RFC 3464 2.3.9; and the sender need not send again."""
    waiting = RecipientReport(
        address="b@example.org", status="4.4.1", reply="connection refused", retry_until=NOW + timedelta(days=5)
    )
    text = delay_dsn(REPORT, [waiting]).decode()
    assert "Will-Retry-Until: Sun, 29 Nov 2026 03:45:00 +0000" in text
    assert "Action: delayed" in text
    assert "Diagnostic-Code: x-mailward; connection refused" in text
    assert "need not send it" in text


def test_success_is_only_claimed_as_far_as_known() -> None:
    """RFC 3461 5.2.2: relayed, not delivered."""
    text = relayed_dsn(REPORT, [RecipientReport(address="b@example.org", status="")]).decode()
    assert "Action: relayed" in text
    assert "Status: 2.0.0" in text
    assert "If it is urgent" not in text


def test_a_peers_reply_cannot_inject() -> None:
    """ID-10: replies come from outside."""
    evil = RecipientReport(
        address="b@example.org", status="9.9", reply="550 5.1.1 x\r\nBcc: y@z\r\n\r\n--é" + "A" * 5000
    )
    data = failure_dsn(REPORT, [evil])
    assert b"\r\nBcc" not in data
    assert b"Status: 5.0.0" in data
    assert b"(shortened)" in data
    assert max(map(len, data.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 gone", "5.1.1"),
        ("550-5.1.1 gone", "5.1.1"),
        ("550 gone", "5.0.0"),
        ("", "5.0.0"),
        ("550 5.1.1", "5.0.0"),
        ("5.1.1", "5.0.0"),
    ],
)
def test_status_from_reply(reply: str, status: str) -> None:
    """RFC 2034 section 4: the code follows the reply code and a blank."""
    assert status_of(reply, default="5.0.0") == status


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("5.0.0", "Ask the recipient or your administrator before you send it again."),
        ("5.1.1", "Check the address for a typing error."),
    ],
)
def test_a_cause_in_our_words_has_a_remedy_too(status: str, remedy: str) -> None:
    """look.md: one sentence of cause, one of effect, one of remedy."""
    told = RecipientReport(address="a@b.example", status=status, explanation="Nobody picked the message up in time.")
    text = str(next(read(failure_dsn(REPORT, [told])).iter_parts()).get_payload())
    assert text.index("Nobody picked") < text.index("does not have your message") < text.index(remedy)


def test_addresses_outside_us_ascii() -> None:
    """SM-18, RFC 6533 section 3: the machine-readable part stays US-ASCII, the text names the address as it is."""
    data = failure_dsn(replace(REPORT, sender="j\u00f6@clinic.example"), [
        RecipientReport(address="m\u00fcller@x.example", status="5.6.7", reply="553 5.6.7 no SMTPUTF8"),
        RecipientReport(address="c@example.org", status="5.2.2"),
    ])  # fmt: skip
    message = email.message_from_bytes(data, policy=email.policy.SMTP)
    text, status, header = cast("list[EmailMessage]", list(message.iter_parts()))
    assert "To: j\u00f6@clinic.example\r\n".encode() in data
    assert "m\u00fcller@x.example" in text.get_content()
    assert rb"Final-Recipient: utf-8; m\x{FC}ller@x.example" in data
    assert data.partition(b"\r\n\r\n")[2].isascii()
    assert "To: c@example.org" in str(header.get_payload())
    assert status.get_content_type() == "message/delivery-status"


def test_a_report_about_requiretls_goes_past_nothing() -> None:
    """TL-27, RFC 8689 5: its sender asked for TLS, so the notice is not marked as one that needs none."""
    assert read(failure_dsn(replace(REPORT, requiretls=True), [GONE]))["TLS-Required"] is None
