"""gateway.message.received."""

from datetime import UTC, datetime

import pytest

from gateway.message.envelope import Client, Envelope, Recipient
from gateway.message.fields import check_field
from gateway.message.received import came_by_smtputf8, received_field


def field(*recipients: str, helo: str = "pc.clinic.example", ip: str = "192.0.2.1", login: str = "joe") -> bytes:
    client = Client(listener="l", ip=ip, port=1, helo=helo, login=login, tls_version="TLSv1.3", tls_cipher="TLS_X")
    envelope = Envelope(
        sender="joe@clinic.example",
        recipients=tuple(Recipient(address=address) for address in recipients),
        client=client,
        received_at=datetime(2026, 11, 24, 3, 45, tzinfo=UTC),
    )
    raw = received_field(envelope, hostname="gw.clinic.example", queue_id="0" * 26)
    check_field(raw)
    return raw


def test_says_how_the_message_came() -> None:
    """RFC 5321 4.4, RFC 3848, RFC 8314 4.3."""
    assert field("a@b.example") == (
        b"Received: from pc.clinic.example ([192.0.2.1])\r\n"
        b"\tby gw.clinic.example with ESMTPSA id 00000000000000000000000000\r\n"
        b"\tfor <a@b.example>\r\n"
        b"\ttls TLS_X;\r\n"
        b"\tTue, 24 Nov 2026 03:45:00 +0000\r\n"
    )


def test_smtputf8_leaves_its_mark() -> None:
    """SM-18, RFC 6531 4.3, RFC 6532 3.2: known of a stored message by our own field, which is its first."""
    client = Client(listener="l", ip="192.0.2.1", port=1, helo="pc", login="joe", tls_version="TLSv1.3")
    envelope = Envelope(
        sender="", recipients=(Recipient(address="j\u00f6@x.example"),), client=client, smtputf8=True,
        received_at=datetime(2026, 11, 24, 3, 45, tzinfo=UTC),
    )  # fmt: skip
    raw = received_field(envelope, hostname="gw.clinic.example", queue_id="0" * 26)
    check_field(raw)
    assert b" with UTF8SMTPSA id " in raw
    assert "for <j\u00f6@x.example>".encode() in raw
    assert came_by_smtputf8(raw + b"Subject: x\r\n\r\n")
    other = field("a@b.example", helo="UTF8SMTP")
    assert not came_by_smtputf8(other + raw + b"\r\n")
    assert not came_by_smtputf8(b"Subject: with UTF8SMTP\r\n\r\n")


def test_several_recipients_are_not_named() -> None:
    """RFC 5321 7.2: a Received field must not show who else gets a copy."""
    assert b"for " not in field("a@b.example", "c@d.example")


@pytest.mark.parametrize("helo", ["a\r\nBcc: x@y", "a b", "\0", "", "é", "(x"])
def test_odd_helo_names_do_not_get_in(helo: str) -> None:
    """SM-12."""
    assert b"from unknown ([192.0.2.1])" in field("a@b.example", helo=helo)


def test_ipv6_and_no_login() -> None:
    """RFC 5321 4.1.3: the literal of an IPv6 address carries a tag."""
    raw = field("a@b.example", ip="2001:db8::1", login="")
    assert b"([IPv6:2001:db8::1])" in raw
    assert b" with ESMTPS " in raw
