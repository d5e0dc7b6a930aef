"""Arguments of MAIL and RCPT: text to values. Pure.

Parameters that EHLO did not offer are refused with 555 (RFC 5321 section 4.1.1.11), never ignored: the client relies on
what it asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import RefusedError
from gateway.message.address import AddressError, parse_address, utf8_xtext
from gateway.message.envelope import DEFAULT_NOTIFY, Notify, Recipient
from gateway.message.verdict import Reply

# A path: anything in angle brackets, where brackets and blanks may stand in a quoted local part; then the parameters.
PATH: Final = re.compile(r'<(?P<address>(?:"(?:[^"\\]|\\.)*"|[^"<>\s])*)>(?: +(?P<params>\S.*))?')
ROUTING_MARKS: Final = re.compile(r"[%!@]")  # SM-17, ID-01: relay tricks of old in the local part, quoted or not
PARAMETER: Final = re.compile(r"(?P<keyword>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>(?:[!-<>-~]|[^\x00-\x7f])+))?")
XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461 section 4
MAX_ENVID: Final = 100  # RFC 3461 section 4.4
MAX_ORCPT: Final = 500  # RFC 3461 section 4.2
MAX_SIZE_DIGITS: Final = 20  # RFC 1870 section 4

Params = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What EHLO offered that changes how parameters are read."""

    extended: bool
    message_size: int
    requiretls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """MAIL, read. sender: empty for the null reverse path. The rest as in `Envelope`."""

    sender: str
    envid: str
    ret: str
    body_8bit: bool
    smtputf8: bool
    requiretls: bool


def parse_mail(argument: str, offer: Offer) -> Mail:
    """Read `FROM:<address> [parameters]`.

    Raises: RefusedError with 501, 552, 553 or 555.
    Source: RFC 5321 section 4.1.1.2, without source routes. Blanks after the colon are taken, as old clients send them.
    """
    text, params = _split("FROM:", argument, offer, MAIL_CHECKS, replies.BAD_MAIL)
    smtputf8 = "SMTPUTF8" in params
    sender = _address(text, replies.BAD_SENDER, smtputf8=smtputf8) if text else ""
    if int(params.get("SIZE") or 0) > offer.message_size:
        raise RefusedError(replies.TOO_BIG)  # RFC 1870 section 6.1
    return Mail(
        sender=sender,
        envid=params.get("ENVID") or "",
        ret=(params.get("RET") or "").upper(),
        body_8bit=(params.get("BODY") or "").upper() == "8BITMIME",
        smtputf8=smtputf8,
        requiretls="REQUIRETLS" in params,
    )


def parse_rcpt(argument: str, offer: Offer, *, smtputf8: bool) -> Recipient:
    """Read `TO:<address> [parameters]`.

    smtputf8: MAIL asked for it. Raises: RefusedError. Source: RFC 5321 section 4.1.1.3, RFC 3461 section 4.
    """
    text, params = _split("TO:", argument, offer, RCPT_CHECKS, replies.BAD_RCPT)
    if not text:
        raise RefusedError(replies.BAD_RECIPIENT)
    asked = params.get("NOTIFY")
    return Recipient(
        address=_address(text, replies.BAD_RECIPIENT, smtputf8=smtputf8),
        notify=frozenset(Notify(word) for word in asked.upper().split(",")) if asked else DEFAULT_NOTIFY,
        orcpt=params.get("ORCPT") or "",
    )


def _split(keyword: str, argument: str, offer: Offer, checks: "Checks", bad_syntax: Reply) -> tuple[str, Params]:
    """The address text and the checked parameters of MAIL or RCPT."""
    match = PATH.fullmatch(argument[len(keyword) :].lstrip(" "))
    if match is None or argument[: len(keyword)].upper() != keyword:
        raise RefusedError(bad_syntax)
    if match["params"] and not offer.extended:
        raise RefusedError(replies.UNKNOWN_PARAMETER)  # after HELO nothing was offered
    params: dict[str, str | None] = {}
    for word in (match["params"] or "").split():
        found = PARAMETER.fullmatch(word)
        if found is None:
            raise RefusedError(replies.BAD_PARAMETER)
        name, value = found["keyword"].upper(), _in_ascii(found["value"])
        if name not in checks or (name == "REQUIRETLS" and not offer.requiretls):
            raise RefusedError(replies.UNKNOWN_PARAMETER)
        if name in params or not checks[name](value):
            raise RefusedError(replies.BAD_PARAMETER)
        params[name] = value
    return match["address"], params


def _address(text: str, reply: Reply, *, smtputf8: bool) -> str:
    if not text.isascii() and not smtputf8:
        raise RefusedError(replies.NEEDS_SMTPUTF8)  # SM-18
    if ROUTING_MARKS.search(text.rpartition("@")[0]):
        raise RefusedError(reply)
    try:
        return parse_address(text, allows_utf8=smtputf8)
    except AddressError:
        raise RefusedError(reply) from None


def _in_ascii(value: str | None) -> str | None:
    """RFC 6533 section 3: `utf-8;` and UTF-8 is the same address as `utf-8;` and its US-ASCII form."""
    if value is None or value.isascii():
        return value
    kind, _, address = value.partition(";")
    if kind.lower() != "utf-8":
        raise RefusedError(replies.BAD_PARAMETER)
    return f"{kind};" + "".join(char if char.isascii() else utf8_xtext(char) for char in address)


def _is_size(value: str | None) -> bool:
    return value is not None and value.isdigit() and len(value) <= MAX_SIZE_DIGITS


def _is_xtext(value: str | None) -> bool:
    return value is not None and bool(XTEXT.fullmatch(value))


def _is_envid(value: str | None) -> bool:
    return value is not None and len(value) <= MAX_ENVID and _is_xtext(value)


def _is_orcpt(value: str | None) -> bool:
    """`addr-type ";" xtext`, RFC 3461 section 4.2."""
    kind, _, address = (value or "").partition(";")
    return len(value or "") <= MAX_ORCPT and bool(re.fullmatch(r"[A-Za-z0-9-]+", kind)) and _is_xtext(address)


def _is_notify(value: str | None) -> bool:
    """NEVER alone, or a list of the others, each once (RFC 3461 section 4.1)."""
    words = (value or "").upper().split(",")
    return words == ["NEVER"] or (len(words) == len(set(words)) and set(words) <= {"SUCCESS", "FAILURE", "DELAY"})


def _is_one_of(*words: str) -> Callable[[str | None], bool]:
    return lambda value: value is not None and value.upper() in words


def _is_bare(value: str | None) -> bool:
    return value is None


Checks = Mapping[str, Callable[[str | None], bool]]

MAIL_CHECKS: Final[Checks] = {
    "SIZE": _is_size,  # RFC 1870
    "BODY": _is_one_of("7BIT", "8BITMIME"),  # RFC 6152
    "AUTH": lambda value: value == "<>" or _is_xtext(value),  # RFC 4954 section 5: read, and never passed on
    "RET": _is_one_of("FULL", "HDRS"),  # RFC 3461 section 4.3
    "ENVID": _is_envid,
    "SMTPUTF8": _is_bare,  # RFC 6531 section 3.4
    "REQUIRETLS": _is_bare,  # RFC 8689 section 2
}
RCPT_CHECKS: Final[Checks] = {"NOTIFY": _is_notify, "ORCPT": _is_orcpt}
