"""Mail that Mailward writes itself: 7-bit MIME by the book, and proof against CR and LF in whatever is put in (ID-10).

Leaves out attachments and long texts: notices and status reports are a few lines each.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

MAX_7BIT_LINE: Final = 900  # octets; RFC 5322 section 2.1.1 allows 998
FOLD_AT: Final = 76
WORD_OCTETS: Final = 39  # of UTF-8 in one encoded word: 64 characters encoded, 75 allowed (RFC 2047 section 2)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]+")
LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity. headers: complete raw fields; body: encoded, CRLF lines."""

    headers: tuple[bytes, ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Who writes to whom, when and about what.

    message_id: without angle brackets. extra: further raw fields. now: aware.
    """

    from_address: str
    to: str
    subject: str
    message_id: str
    now: datetime
    from_name: str = ""
    extra: tuple[bytes, ...] = ()


def plain(text: str) -> str:
    """One line: every run of control characters and line breaks becomes one blank."""
    return CONTROL.sub(" ", text).strip()


def field(name: str, value: str) -> bytes:
    """A field whose value is structured already (addresses, dates, parameters). Folded at blanks.

    US-ASCII but for the UTF-8 of an address, which stays as it is (RFC 6532 section 3.2; SM-18).
    """
    line = f"{name}:"
    lines: list[str] = []
    for word in plain(value).encode("utf-8", "replace").decode().split(" "):
        if len(line) + 1 + len(word) > FOLD_AT and line.strip() and (lines or line != f"{name}:"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode() + b"\r\n"


def unstructured(text: str) -> str:
    """Free text for a header: as it is, or as encoded words (RFC 2047) unless US-ASCII with short words."""
    text = plain(text)
    words = text.split(" ")
    if text.isascii() and "=?" not in text and all(len(word) < FOLD_AT // 2 for word in words):
        return text
    chunks = [""]
    for letter in text:
        if len((chunks[-1] + letter).encode("utf-8", "replace")) > WORD_OCTETS:
            chunks.append("")
        chunks[-1] += letter
    return " ".join(f"=?utf-8?B?{base64.b64encode(c.encode('utf-8', 'replace')).decode()}?=" for c in chunks)


def mailbox(name: str, address: str) -> str:
    """`name <address>` for a From or To field (RFC 5322 section 3.4); the address alone without a name."""
    text = unstructured(name)
    if not text:
        return address
    if not text.startswith("=?"):
        text = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return f"{text} <{address}>"


def text_part(text: str, *, subtype: str = "plain") -> Part:
    """A text part: 7bit when US-ASCII with lines of ordinary length, quoted-printable otherwise."""
    body = "\r\n".join(LINE_BREAK.split(text)).encode("utf-8", "replace")
    if text.isascii() and all(len(line) <= MAX_7BIT_LINE for line in body.split(b"\r\n")):
        return Part((field("Content-Type", f"text/{subtype}; charset=us-ascii"),), body)
    return Part(
        (field("Content-Type", f"text/{subtype}; charset=utf-8"), b"Content-Transfer-Encoding: quoted-printable\r\n"),
        binascii.b2a_qp(body),
    )


def multipart(subtype: str, parts: Sequence[Part], *, seed: str, parameters: str = "") -> Part:
    """A multipart entity (RFC 2046 section 5.1). seed: makes the boundary, such as the message id and a part's name."""
    boundary = boundary_from(seed)
    body = b"".join(b"--%b\r\n%b\r\n%b\r\n" % (boundary.encode(), b"".join(p.headers), p.body) for p in parts)
    value = f'multipart/{subtype}; {parameters}boundary="{boundary}"'
    return Part((field("Content-Type", value),), body + b"--%b--\r\n" % boundary.encode())


def boundary_from(seed: str) -> str:
    """A boundary that cannot stand in quoted-printable (`=_` is no escape) nor be guessed without the seed."""
    return "=_" + hashlib.sha256(seed.encode()).hexdigest()[:32]


def render(heading: Heading, root: Part) -> bytes:
    """The whole message, ready to be DKIM-signed. Says that no person wrote it (RFC 3834)."""
    fields = (
        field("Date", format_datetime(heading.now)),
        field("From", mailbox(heading.from_name, heading.from_address)),
        field("To", heading.to),
        field("Subject", unstructured(heading.subject)),
        field("Message-ID", f"<{heading.message_id}>"),
        *heading.extra,
        b"MIME-Version: 1.0\r\n",
        *root.headers,
    )
    return b"".join(fields) + b"\r\n" + root.body
