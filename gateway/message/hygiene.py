"""What a message's own header must look like before we take it, and what we add and take away before it is kept.

`check` may refuse and changes nothing; `prepare` changes whole fields and nothing else. Both are linear and copy the
body once at most.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from gateway.message.address import AddressError, parse_from
from gateway.message.fields import Field, HeaderError, Parsed, check_field, split_message
from gateway.message.verdict import Verdict
from policy.decision import Method

MAX_HOPS: Final = (
    50  # SM-20; RFC 5321 section 6.3 asks for at least 100 when hops are the only sign; our name is another
)
CONTROL_PREFIX: Final = "x-mailward-"
GATHERED: Final = frozenset({"x-mailward-sensitivity"})  # of several all count: each only asks for more

# Never leave with a message: blind copies, a claim about the envelope, and the wish to go out without TLS (RFC 8689
# section 3), which nothing that a client writes may grant (ID-08).
NEVER_RELAYED: Final = frozenset({"bcc", "resent-bcc", "return-path", "tls-required"})
ONCE: Final = frozenset({"date", "message-id", "subject"})  # RFC 5322 section 3.6: at most one; the first counts
CLAIMS: Final = frozenset({"sender", "resent-from", "resent-sender"})  # who sends, besides From (RFC 5322 section 3.6)
RECEIVED_BY: Final = re.compile(r"\bby[ \t]+([A-Za-z0-9._-]+)", re.ASCII)
AUTHSERV: Final = re.compile(r'[ \t]*"?([A-Za-z0-9._-]+)"?[ \t]*(?:[ \t]\d+[ \t]*)?;')
MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """What the header says that matters to us.

    message_id: with angle brackets; empty when missing or odd. control: the `X-Mailward-*` fields, lower-case names
    without the prefix, first of each (but see GATHERED); empty where they are not believed. claims: the addresses in
    Sender, Resent-From and Resent-Sender, an empty one for what is not one plain address.
    """

    from_address: str
    claims: tuple[str, ...]
    message_id: str
    date: str
    urgent: bool
    control: Mapping[str, str]

    @property
    def purpose(self) -> str:
        """`X-Mailward-Purpose`, lower case; empty when not said, or not believed."""
        return self.control.get("purpose", "").strip().lower()

    @property
    def lowest_method(self) -> Method | None:
        """`X-Mailward-Method`: the lowest rung allowed. A word we do not know asks for the most: it can only raise."""
        word = self.control.get("method", "").lower()
        if not word:
            return None
        return Method(word) if word in {method.value for method in Method} else Method.PORTAL


def check(data: bytes, *, hostname: str, believes_headers: bool, allows_utf8: bool) -> HeaderFacts | Verdict:
    """Read a message's header, or say why the message is refused.

    hostname: ours; a Received field that names it means that the message has been here before.
    believes_headers: `X-Mailward-*` fields count; else they are as good as not there. allows_utf8: in addresses, as
    SMTPUTF8 says.
    Returns: facts; or BAD_HEADER, BAD_FROM (not exactly one From with one plain address, ID-05, ID-06), TOO_MANY_HOPS.
    """
    try:
        parsed = split_message(data)
    except HeaderError:
        return Verdict.BAD_HEADER
    if _has_looped(parsed, hostname):
        return Verdict.TOO_MANY_HOPS
    froms = parsed.all("from")
    if len(froms) != 1:
        return Verdict.BAD_FROM
    try:
        address = parse_from(froms[0].value, allows_utf8=allows_utf8)
    except AddressError:
        return Verdict.BAD_FROM
    message_id = _first(parsed, "message-id")
    control = _control(parsed) if believes_headers else {}
    if not all(value.isascii() for value in control.values()):
        return Verdict.BAD_HEADER  # octets above 127 name nobody that a register knows
    return HeaderFacts(
        from_address=address,
        claims=tuple(_claimed(field, allows_utf8=allows_utf8) for field in parsed.fields if field.name in CLAIMS),
        message_id=message_id if MESSAGE_ID.fullmatch(message_id) else "",
        date=_first(parsed, "date"),
        urgent="urgent" in (control.get("priority", "").lower(), _first(parsed, "priority").lower())
        or _first(parsed, "importance").lower() == "high",  # RFC 2156 section 5.3.4
        control=control,
    )


def prepare(
    data: bytes, *, received: bytes, authserv_id: str, hostname: str, queue_id: str, now: datetime, subject: bytes = b""
) -> bytes:
    """The message as it is kept and sent on.

    received: our field, on top. authserv_id: results in our name are forged when they come from outside (RFC 8601
    section 5). subject: a complete raw Subject field that replaces the message's own, when a tag was taken out of it.
    now: for a missing Date; queue_id and hostname make a missing Message-ID (RFC 6409 sections 8.1, 8.2; ID-11).
    Returns: new bytes; the body is unchanged.
    Raises: HeaderError as `split_message`, and for a `received` or `subject` that is not one field.
    """
    parsed = split_message(data)
    fields = [received]
    seen: set[str] = set()
    for field in parsed.fields:
        again = field.name in ONCE and field.name in seen
        seen.add(field.name)
        if again or field.name in NEVER_RELAYED or field.name.startswith(CONTROL_PREFIX):
            continue
        if field.name == "authentication-results" and _is_in_our_name(field.text, authserv_id):
            continue
        fields.append(subject if subject and field.name == "subject" else field.raw)
    missing: dict[str, Callable[[], str]] = {
        "date": lambda: f"Date: {format_datetime(now)}\r\n",
        "message-id": lambda: f"Message-ID: <{queue_id}@{hostname}>\r\n",
    }
    fields += [make().encode("ascii") for name, make in missing.items() if name not in seen]
    for raw in (received, *([subject] if subject else [])):
        check_field(raw)
    return parsed.with_fields(fields)


def _has_looped(parsed: Parsed, hostname: str) -> bool:
    received = parsed.all("received")
    names = (RECEIVED_BY.search(field.text) for field in received)
    return len(received) >= MAX_HOPS or any(name and name[1].lower() == hostname.lower() for name in names)


def _claimed(field: Field, *, allows_utf8: bool) -> str:
    try:
        return parse_from(field.value, allows_utf8=allows_utf8)
    except AddressError:
        return ""


def _first(parsed: Parsed, name: str) -> str:
    return next((field.text for field in parsed.fields if field.name == name), "")


def _control(parsed: Parsed) -> dict[str, str]:
    control: dict[str, str] = {}
    for field in parsed.fields:
        if field.name in GATHERED:
            name = field.name.removeprefix(CONTROL_PREFIX)
            control[name] = ", ".join(filter(None, (control.get(name, ""), field.text)))
        elif field.name.startswith(CONTROL_PREFIX):
            control.setdefault(field.name.removeprefix(CONTROL_PREFIX), field.text)
    return control


def _is_in_our_name(value: str, authserv_id: str) -> bool:
    """RFC 8601 section 2.2; what cannot be read might be read as ours by someone, so it counts as ours."""
    match = AUTHSERV.match(value)
    return match is None or match[1].lower() == authserv_id.lower()
