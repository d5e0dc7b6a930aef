"""gateway.protect.notice: plain words, the same in text and HTML, and nothing that can be injected (ID-10)."""

import dataclasses
import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape

import pytest

from gateway.message.fields import split_message
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.notice import (
    Braked,
    Cause,
    Climb,
    Code,
    Held,
    Origin,
    PortalLink,
    Secret,
    brake_notice,
    climb_notice,
    code_mail,
    format_pin,
    held_notice,
    portal_notice,
)
from policy.brake import Reason
from policy.decision import Method

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
URL = "https://secure.clinic.example/m/" + "Ab9_-" * 9
ORIGIN = Origin(
    organisation="Clinic A", domain="clinic.example", hostname="gw.clinic.example", notice_id="1" * 26, now=NOW
)
LINK = PortalLink(recipient="b@example.org", url=URL, expires_at=NOW + timedelta(days=30), asks_for=Secret.CODE)
CODE = Code(recipient="b@example.org", code="204817", reference="K7")
CLIMB = Climb(
    sender="joe@clinic.example",
    recipient="b@example.org",
    cause=Cause.NO_TLS,
    method=Method.PORTAL,
    message_number="0" * 26,
    pin="48172290",
)
HELD = Held(
    sender="joe@clinic.example", recipients=("b@example.org",), message_number="0" * 26, until=NOW + timedelta(days=30)
)
BRAKED = Braked(
    sender="joe@clinic.example", login="joe@clinic.example", reason=Reason.PHI, message_number="0" * 26,
    until=NOW + timedelta(days=30),
)  # fmt: skip
ALL: dict[str, Callable[[Origin], bytes]] = {
    "portal": lambda origin: portal_notice(origin, LINK),
    "code": lambda origin: code_mail(origin, CODE),
    "climb": lambda origin: climb_notice(origin, CLIMB),
    "held": lambda origin: held_notice(origin, HELD),
    "brake": lambda origin: brake_notice(origin, BRAKED),
}


SECRET = frozenset({"code", "climb"})  # the climb of these tests tells a PIN


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def texts(data: bytes) -> tuple[str, str]:
    plain, html = (read(data).get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "organisation", ["Clinic A", "Clínica Á <b>&", "A\r\nBcc: x@y.example\r\n\r\n<script>", "=?x?q?y?="]
)
def test_any_organisation_gives_the_same_frame(name: str, organisation: str) -> None:
    """ID-10, byte for byte: field names, 7-bit, one sender; and the text and HTML say the same."""
    data = ALL[name](dataclasses.replace(ORIGIN, organisation=organisation))
    assert [f.name for f in split_message(data).fields] == [
        "date",
        "from",
        "to",
        "subject",
        "message-id",
        *(() if name in SECRET else ("tls-required",)),
        "auto-submitted",
        "mime-version",
        "content-type",
    ]
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")
    message = read(data)
    assert message["From"].addresses[0].addr_spec == "secure-mail@clinic.example"
    assert message["Message-ID"] == f"<{'1' * 26}@gw.clinic.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = texts(data)
    words = unescape(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2])).split()
    assert words == plain.split()
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize("name", ALL)
def test_notices_can_be_signed(name: str) -> None:
    """Issue line 9: notices leave with DKIM signatures."""
    key = DkimKey.load("clinic.example", "e", generate_key("ed25519"))
    assert Signer((key,)).sign(ALL[name](ORIGIN), now=0).startswith(b"DKIM-Signature: ")


def test_portal_notice() -> None:
    """look.md, Words: who, the link alone on its line, until when, what to do in doubt."""
    data = portal_notice(ORIGIN, LINK)
    assert read(data)["Subject"] == "You have a private message from Clinic A"
    plain, html = texts(data)
    assert f"\n{URL}\n" in plain
    assert f'<a href="{URL}">{URL}</a>' in html
    assert "24 December 2026, 03:45 UTC" in plain
    assert "Call Clinic A on the number you know" in plain
    assert "code" in plain
    by_pin = texts(portal_notice(ORIGIN, dataclasses.replace(LINK, asks_for=Secret.PIN)))[0]
    assert "PIN" in by_pin
    assert "code" not in by_pin
    neutral = portal_notice(ORIGIN, dataclasses.replace(LINK, is_neutral=True))
    assert read(neutral)["Subject"] == "You have a private message"
    assert "Clinic A" not in texts(neutral)[0]


def test_code_mail() -> None:
    """The code in the text only: a subject shows on locked screens."""
    data = code_mail(ORIGIN, CODE)
    assert read(data)["Subject"] == "Your code"
    plain = texts(data)[0]
    assert "\n204817\n" in plain
    assert "10 minutes" in plain
    assert "reference K7" in plain


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("method", [Method.OPENPGP, Method.SMIME, Method.PORTAL])
def test_climb_notice(cause: Cause, method: Method) -> None:
    """look.md: cause, effect, remedy; every cause and method has its words."""
    plain = texts(climb_notice(ORIGIN, dataclasses.replace(CLIMB, cause=cause, method=method, pin="")))[0]
    assert "b@example.org" in plain
    assert "Nothing left unprotected." in plain
    assert "Tell the recipient" not in plain


def test_climb_with_a_pin() -> None:
    """The PIN is grouped, and goes to the sender only."""
    data = climb_notice(ORIGIN, CLIMB)
    assert read(data)["To"] == "joe@clinic.example"
    plain = texts(data)[0]
    assert "b@example.org's server offers no encryption." in plain
    assert "Tell the recipient the PIN 4817-2290 by phone" in plain.replace("\n", " ")
    assert format_pin("48172290") == "4817-2290"


@pytest.mark.parametrize("reason", Reason)
def test_brake_notice(reason: Reason) -> None:
    """What happened, what it means, and what to do whether or not it was the reader."""
    plain = texts(brake_notice(ORIGIN, replace(BRAKED, reason=reason)))[0].replace("\n", " ")
    assert "joe@clinic.example" in plain
    assert "Was that you?" in plain
    assert "It was not you?" in plain
    assert "24 December 2026" in plain


def test_held_notice() -> None:
    """Held means told: what happens if nobody decides, and what to do when it is urgent."""
    plain = texts(held_notice(ORIGIN, HELD))[0].replace("\n", " ")
    assert "It has not been sent." in plain
    assert "24 December 2026" in plain
    assert "urgent" in plain


@pytest.mark.parametrize("name", ALL)
def test_only_what_opens_nothing_goes_past_policies(name: str) -> None:
    """RFC 8689 5: `TLS-Required: No` tells every server after us what we allow ourselves; never for a code or a PIN."""
    assert read(ALL[name](ORIGIN))["TLS-Required"] == (None if name in SECRET else "No")
    assert read(climb_notice(ORIGIN, dataclasses.replace(CLIMB, pin="")))["TLS-Required"] == "No"
