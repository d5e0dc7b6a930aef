"""A text below a message, and values masked in it: the changes as data, and how they are made (45 CFR 164.502(b)).

How this works: a child reads the structure (`gateway.inspect.bodies`) and says only where the text bodies stand, how
they are written, and which characters are a value. The changes are made here: a child that is in somebody's hand can
mask too much, never write a word. A body comes out in the charset and encoding that it came in; where that cannot hold
what is added, or what came cannot be read back exactly, nothing is changed and the message needs a person.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from textwrap import fill
from typing import Final

from gateway.message.sevenbit import CRLF, LINE_OCTETS
from policy.phi.report import Kind

CHARSETS: Final = {  # a label in lower case, and what Python reads it by; those in which a letter is one thing
    "us-ascii": "ascii", "ascii": "ascii", "utf-8": "utf-8", "iso-8859-1": "latin-1", "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
}  # fmt: skip
ENCODINGS: Final = ("7bit", "8bit", "quoted-printable", "base64")
COLUMNS: Final = 72
_END_OF_BODY: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


class Obstacle(StrEnum):
    """Why a message is not changed; it completes "it needs a change that cannot be made, because"."""

    UNCLEAR = "its structure can be read in more than one way"
    SIGNED = "its author signed or encrypted it"
    NO_TEXT = "it has no text body that could be changed"
    WRITTEN = "a text body is written in a way that cannot be read back exactly"
    CHARSET = "the charset of a text body cannot hold what is added"
    UNSEEN = "what is added would not be seen"
    LEFT = "something that has to be masked would be left"


class BodyEditError(ValueError):
    """Nothing was changed: hold the message."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Cut:
    """A value to mask. start, end: characters of the decoded text."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Body:
    """One text body. start, end: octets of the message. charset, encoding: see CHARSETS and ENCODINGS."""

    start: int
    end: int
    is_html: bool
    charset: str
    encoding: str
    cuts: tuple[Cut, ...] = ()


def edit(data: bytes, bodies: Sequence[Body], *, below: Sequence[str]) -> bytes:
    """Mask what is cut, and put paragraphs below.

    data: the message, CRLF lines. bodies: in the order of the message. below: plain texts, in their order.
    Returns: what no body covers is as it was. Raises: BodyEditError. Slow with a large message: for a thread.
    """
    made, at = [], 0
    for body in bodies:
        if not at <= body.start <= body.end <= len(data):
            raise BodyEditError(Obstacle.UNCLEAR)
        text = _masked(read_body(data[body.start : body.end], body), body.cuts)
        for paragraph in below:
            text = with_html(text, paragraph) if body.is_html else _with_text(text, paragraph)
        written = _written(text, body)
        if not written.count(CRLF) == written.count(b"\r") == written.count(b"\n"):
            raise BodyEditError(Obstacle.WRITTEN)  # no next hop would be given it
        made += [data[at : body.start], written]
        at = body.end
    return b"".join([*made, data[at:]])


def read_body(raw: bytes, body: Body) -> str:
    """A body's text. Raises: BodyEditError for octets that are not what the labels say."""
    octets = raw
    match body.encoding:
        case "base64":
            joined = b"".join(raw.split())
            if not _BASE64.fullmatch(joined):
                raise BodyEditError(Obstacle.WRITTEN)
            try:
                octets = base64.b64decode(joined, validate=True)
            except binascii.Error:
                raise BodyEditError(Obstacle.WRITTEN) from None
        case "quoted-printable":
            octets = binascii.a2b_qp(raw)
        case "7bit" | "8bit":
            pass
        case _:
            raise BodyEditError(Obstacle.WRITTEN)
    codec = CHARSETS.get(body.charset)
    try:
        text = octets.decode(codec or "")
        if text.encode(codec or "") != octets:
            raise BodyEditError(Obstacle.WRITTEN)
    except (UnicodeError, LookupError):
        raise BodyEditError(Obstacle.WRITTEN) from None
    return text


def with_html(markup: str, paragraph: str) -> str:
    """Markup with a paragraph at the end of its body; letters beyond US-ASCII as numbers, which every charset has."""
    lines = "<br>\r\n".join(escape(line) for line in paragraph.splitlines())
    words = lines.encode("ascii", "xmlcharrefreplace").decode()
    added = f'\r\n<hr>\r\n<p style="display:block">{words}</p>\r\n'
    ends = list(_END_OF_BODY.finditer(markup))
    at = ends[-1].start() if ends else len(markup)
    return markup[:at] + added + markup[at:]


def _with_text(text: str, paragraph: str) -> str:
    lines = [fill(line, COLUMNS, break_long_words=False, break_on_hyphens=False) for line in paragraph.splitlines()]
    end = "" if not text or text.endswith("\r\n") else "\r\n"
    return f"{text}{end}\r\n" + "\n".join(lines).replace("\n", "\r\n") + "\r\n"


def _masked(text: str, cuts: Sequence[Cut]) -> str:
    made, at = [], 0
    for cut in cuts:
        if not at <= cut.start < cut.end <= len(text):
            raise BodyEditError(Obstacle.UNCLEAR)
        made += [text[at : cut.start], f"[{cut.kind.value.replace('_', ' ')} removed]"]
        at = cut.end
    return "".join([*made, text[at:]])


def _written(text: str, body: Body) -> bytes:
    try:
        octets = text.encode(CHARSETS[body.charset])
    except UnicodeError:
        raise BodyEditError(Obstacle.CHARSET) from None
    match body.encoding:
        case "base64":
            return base64.encodebytes(octets).replace(b"\n", CRLF)
        case "quoted-printable":
            # Line by line, and never as text: that would leave a bare CR or LF of the body as it is, and write others.
            lines = (binascii.b2a_qp(line, istext=False).replace(b"\n", CRLF) for line in octets.split(CRLF))
            return CRLF.join(lines)
        case encoding:
            if encoding == "7bit" and not octets.isascii():
                raise BodyEditError(Obstacle.CHARSET)
            if max(map(len, octets.split(CRLF))) > LINE_OCTETS:
                raise BodyEditError(Obstacle.WRITTEN)
            return octets
