"""The 7-bit form of a message (RFC 6152 section 3, RFC 2045 section 6): the changes as values, and how they are made.

How this works: a child reads the structure (`gateway.inspect.eightbit`) and says only *where* something changes: a body
to encode, a field to replace. Here the changes are made without reading a structure. New octets are encodings of the
old ones or constant fields, so a reader that errs, or is in somebody's hand, can garble a message, never write one.
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.message.fields import FIELD

CRLF: Final = b"\r\n"
LINE_OCTETS: Final = 998  # RFC 5321 section 4.5.3.1.6, without CRLF
QUOTED_LINE: Final = 76  # RFC 2045 section 6.7, rule 5, and section 6.8
MOSTLY: Final = 4  # text with fewer odd octets than one in four
BASE64_LINE: Final = 57  # octets that make 76 characters

_PLAIN: Final = bytes({9, *range(32, 127)} - {ord("=")})  # RFC 2045 section 6.7, rules 2 and 3
_QUOTED: Final = tuple(bytes([octet]) if octet in _PLAIN else b"=%02X" % octet for octet in range(256))
_PLAIN_LINE: Final = re.compile(rb"(?!--|From |\.)(?:[\t -<>-~]{0,75}[!-<>-~])?")
# How no line may begin that was not one before: what a boundary, an mbox or the end of the message begin with.
_STARTS: Final = (b"--", b"From ", b".")


class SevenBitError(ValueError):
    """The edits do not fit the message, or leave something that 7-bit transport cannot take."""


class Change(StrEnum):
    """What happens to a span: first the bodies, then the fields."""

    QUOTE_TEXT = "quote-text"  # quoted-printable; line ends stay line ends
    QUOTE_OCTETS = "quote-octets"  # quoted-printable; line ends are data (RFC 2045 section 6.7, rule 4)
    BASE64 = "base64"
    SAY_QUOTED = "say-quoted"
    SAY_BASE64 = "say-base64"
    SAY_7BIT = "say-7bit"
    SAY_MIME = "say-mime"


FIELDS: Final = {
    Change.SAY_QUOTED: b"Content-Transfer-Encoding: quoted-printable\r\n",
    Change.SAY_BASE64: b"Content-Transfer-Encoding: base64\r\n",
    Change.SAY_7BIT: b"Content-Transfer-Encoding: 7bit\r\n",
    Change.SAY_MIME: b"MIME-Version: 1.0\r\n",
}


@dataclass(frozen=True, slots=True)
class Edit:
    """One change. start, end: octets of the message; the same for a field that is added."""

    start: int
    end: int
    change: Change


def is_seven_bit(data: bytes) -> bool:
    """No octet above 127 and no line over 998 octets. data: CRLF lines."""
    return data.isascii() and not _has_long_line(data)


def shorter_encoding(body: bytes, *, is_text: bool) -> Change:
    """Quoted-printable or base64, whichever is shorter; text that is mostly plain stays readable."""
    ends = 0 if is_text else 2 * body.count(CRLF)
    odd = len(body.translate(None, _PLAIN + CRLF)) + ends
    quoted = (len(body) + 2 * odd) * (QUOTED_LINE + 1) // (QUOTED_LINE - 1)  # with the soft line breaks
    coded = len(body) * 4 * (QUOTED_LINE + 2) // (3 * QUOTED_LINE)
    if is_text and (quoted <= coded or odd * MOSTLY < len(body)):
        return Change.QUOTE_TEXT
    return Change.QUOTE_OCTETS if quoted <= coded else Change.BASE64


def to_seven_bit(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Make the edits.

    data: the message, CRLF lines. edits: in the order of the message, not overlapping.
    Returns: only octets up to 127, lines of at most 998; what no edit names is as it was.
    Raises: SevenBitError. Slow with a large message: for a thread.
    """
    growing = bytearray()  # line by line, so that other threads get their turn
    at, view = 0, memoryview(data)
    for edit in edits:
        if not at <= edit.start <= edit.end <= len(data):
            raise SevenBitError("edits out of order")
        growing += view[at : edit.start]
        for piece in [_field(data, edit)] if edit.change in FIELDS else _encoded(data, edit):
            growing += piece
        at = edit.end
    growing += view[at:]
    made = bytes(growing)
    if not is_seven_bit(made):
        raise SevenBitError("something is left that 7-bit transport cannot take")
    return made


def _has_long_line(data: bytes) -> bool:
    at = 0
    while len(data) - at > LINE_OCTETS:
        end = data.rfind(b"\n", at, at + LINE_OCTETS + len(CRLF))
        if end < 0:
            return True
        at = end + 1
    return False


def _field(data: bytes, edit: Edit) -> bytes:
    """A constant field, at the beginning of a line, in the place of nothing or of the field that it replaces."""
    old = FIELD.fullmatch(data, edit.start, edit.end)
    is_replaced = old is not None and old[1].lower() == b"content-transfer-encoding"
    is_line = edit.start == 0 or data[edit.start - 2 : edit.start] == CRLF
    if not is_line or not (is_replaced or edit.start == edit.end):
        raise SevenBitError("a field in a place for none")
    return FIELDS[edit.change]


def _encoded(data: bytes, edit: Edit) -> Iterator[bytes]:
    """A body: from an empty line to the end of a line."""
    if data[edit.start - 4 : edit.start] != CRLF + CRLF or data[edit.end : edit.end + 2] not in (CRLF, b""):
        raise SevenBitError("a body in a place for none")
    body = data[edit.start : edit.end]
    if edit.change is Change.BASE64:
        yield from _base64(body, is_last=edit.end == len(data))
    else:
        at = 0
        while (end := body.find(CRLF, at)) >= 0:
            yield _quoted(body[at:end], is_end_data=edit.change is Change.QUOTE_OCTETS)
            at = end + len(CRLF)
        yield _quoted(body[at:], is_end_data=False).removesuffix(CRLF)


def _base64(body: bytes, *, is_last: bool) -> Iterator[bytes]:
    """RFC 2045 section 6.8. is_last: nothing follows, so the last line needs an end of its own."""
    for at in range(0, len(body), BASE64_LINE):
        yield (CRLF if at else b"") + binascii.b2a_base64(body[at : at + BASE64_LINE], newline=False)
    if is_last:
        yield CRLF


def _quoted(line: bytes, *, is_end_data: bool) -> bytes:
    """One line with its end, as several where it is long (RFC 2045 section 6.7). is_end_data: its end is encoded."""
    if not is_end_data and _PLAIN_LINE.fullmatch(line):
        return line + CRLF
    text = b"".join([_QUOTED[octet] for octet in line])
    if is_end_data:
        text += b"=0D=0A=\r\n"
    elif text[-1:] in (b" ", b"\t"):
        text = text[:-1] + b"=%02X\r\n" % text[-1]  # rule 3: no blank at the end of a line
    else:
        text += CRLF
    pieces, at = [], 0
    while True:
        is_start = text.startswith(_STARTS, at)
        end = at + QUOTED_LINE - 1 - 2 * is_start  # room for "=", and for the escape of the first octet
        if end + 1 + len(CRLF) >= len(text):  # the rest fits
            end = len(text)
        else:
            end -= _cut_off(text, end)
        piece = text[at:end]
        pieces.append(b"=%02X" % piece[0] + piece[1:] if is_start else piece)
        if end == len(text):
            return b"=\r\n".join(pieces)
        at = end


def _cut_off(text: bytes, end: int) -> int:
    """How many octets of an escape would be cut off from their rest."""
    return 1 if text[end - 1 : end] == b"=" else 2 if text[end - 2 : end - 1] == b"=" else 0
