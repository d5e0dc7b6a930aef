"""The TXT record of TLS-RPT: who wants reports."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from tls.errors import RptSyntaxError

RUA_LIMIT: Final = 10  # addresses for the reports of one domain
RECORD_START: Final = re.compile(rb"v=TLSRPTv1[ \t]*;")  # RFC 8460 section 3; blanks as its ABNF has them
FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c-\x7e][\x20-\x3a\x3c-\x7e\t]*)")
MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class Via(Enum):
    """How a report travels: the scheme of its address."""

    MAIL = "mailto"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Rua:
    """Where a report goes. target: a mailbox (ASCII, percent-decoded), or a URL as it was written."""

    via: Via
    target: str


def parse_record(strings: tuple[bytes, ...]) -> tuple[Rua, ...] | None:
    """Read what `_smtp._tls.<domain>` holds.

    strings: its TXT records, each in one piece.
    Returns: the addresses that we can send to, each once, perhaps none; None when the domain has no such record.
    Raises: RptSyntaxError when it has several, or one with a fault.
    Source: RFC 8460 section 3; unknown fields are ignored, of a field given twice the first counts; unknown schemes
    and addresses that are none are passed over.
    """
    ours = [text for text in strings if RECORD_START.match(text)]
    if not ours:
        return None
    if len(ours) > 1:
        raise RptSyntaxError("more than one TLS-RPT record")
    try:
        fields = [field.strip(" \t") for field in ours[0].decode("ascii").split(";")]
    except UnicodeDecodeError as error:
        raise RptSyntaxError("TLS-RPT record is not ASCII") from error
    if not fields[-1]:
        fields.pop()
    found: dict[str, str] = {}
    for field in fields[1:]:
        match = FIELD.fullmatch(field)
        if match is None:
            raise RptSyntaxError("TLS-RPT record has a field that is none")
        found.setdefault(match[1], match[2])
    if "rua" not in found:
        raise RptSyntaxError("TLS-RPT record has no rua")
    addresses = [address.strip(" \t") for address in found["rua"].split(",")]
    if len(addresses) > RUA_LIMIT:
        raise RptSyntaxError(f"more than {RUA_LIMIT} rua")
    return tuple(dict.fromkeys(rua for rua in map(_rua, addresses) if rua is not None))


def _rua(address: str) -> Rua | None:
    """One address; None for what we cannot or will not send to."""
    try:
        parts = urlsplit(address)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        return None
    if scheme == Via.HTTPS.value and _is_plain(parts) and not re.search(r"[\s\\]", address) and port != 0:
        return Rua(Via.HTTPS, address)
    mailbox = unquote(parts.path, encoding="ascii", errors="replace")
    if scheme == Via.MAIL.value and not parts.query and not parts.netloc and MAILBOX.fullmatch(mailbox):
        return Rua(Via.MAIL, mailbox)  # RFC 6068 fields (?subject=) have no meaning here and could add recipients
    return None


def _is_plain(parts: SplitResult) -> bool:
    """A URL with a host, and without a password."""
    return bool(parts.hostname) and "@" not in parts.netloc
