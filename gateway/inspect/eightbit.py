"""Where a message has to change before it fits through 7-bit transport (RFC 6152 section 3). Pure; runs in a child.

Leaves with octets above 127, or with lines over 998 octets, are encoded; what is labelled 8bit or binary and is so no
longer is labelled 7bit. Everything else stays. What two readers could read differently, what somebody signed, and what
MIME forbids to encode is an obstacle, and so are octets above 127 in a header, which only SMTPUTF8 carries.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from gateway.message.fields import Field, HeaderError, Parsed, split_message
from gateway.message.sevenbit import CRLF, Change, Edit, is_seven_bit, shorter_encoding
from policy.phi.structure import DEPTH, scan

IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})  # RFC 2045 section 6.2: the body as it stands
# Multipart and message parts must not be encoded themselves (RFC 2045 section 6.4; RFC 2046 sections 5.2.1 to 5.2.4).
COMPOSITE: Final = frozenset({"multipart", "message"})
SEALED: Final = frozenset({"multipart/signed", "multipart/encrypted"})  # RFC 1847: not one octet may change inside
SAYS: Final = {
    Change.QUOTE_TEXT: Change.SAY_QUOTED,
    Change.QUOTE_OCTETS: Change.SAY_QUOTED,
    Change.BASE64: Change.SAY_BASE64,
}
_TOKEN: Final = rb"[!#$%&'*+.^_`{|}~A-Za-z0-9-]+"
_TYPE: Final = re.compile(rb"[ \t\r\n]*(%b)/(%b)[ \t\r\n]*(?=;|\Z)" % (_TOKEN, _TOKEN))
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 section 5.1.1
_PARAMETER: Final = re.compile(
    rb";[ \t\r\n]*(?:(%b)=(?:(%b)|\"((?:[^\"\\\r\n]|\\[ -~])*)\"))?[ \t\r\n]*"
    % (_TOKEN, rb"[^][ \t\r\n()<>@,;:\\\"/?=]+")
)


class Obstacle(StrEnum):
    """Why a message has no 7-bit form; it completes "the message cannot be converted, because"."""

    UNCLEAR = "its structure can be read in more than one way"
    HEADER = "its header has octets above 127 or lines that are too long"
    SIGNED = "what would have to change is signed or encrypted"
    AUTHOR = "its DKIM signature would no longer verify, and no key of ours could replace it"
    FIXED = "a part that must not be encoded has octets above 127 or lines that are too long"


class NoSevenBitForm(ValueError):
    """The message cannot be changed without harm: give it back, or take another rung."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Entity:
    """One MIME entity in the message. start, header_end, body_at, end: octets of the message."""

    fields: tuple[Field, ...]
    start: int
    header_end: int
    body_at: int
    end: int

    def one(self, name: str) -> Field | None:
        """The only field of that name. Raises: NoSevenBitForm when there are more."""
        found = [field for field in self.fields if field.name == name]
        if len(found) > 1:
            raise NoSevenBitForm(Obstacle.UNCLEAR)
        return found[0] if found else None

    def label(self, change: Change) -> Edit:
        """The edit that makes this entity say how it is encoded."""
        old = self.one("content-transfer-encoding")
        if old is None:
            return Edit(self.header_end, self.header_end, change)
        at = self.start + sum(len(field.raw) for field in self.fields[: self.fields.index(old)])
        return Edit(at, at + len(old.raw), change)


def find_edits(data: bytes) -> tuple[Edit, ...]:
    """What to change in a message, for `to_seven_bit`.

    data: the whole message. Returns: edits in its order; none when it is 7-bit already.
    Raises: NoSevenBitForm.
    """
    structure = scan(data)
    is_clear = not structure.limits and not structure.ambiguities
    if not is_clear or not data.count(CRLF) == data.count(b"\r") == data.count(b"\n"):
        raise NoSevenBitForm(Obstacle.UNCLEAR)
    return tuple(_Walker(data).walk(0, len(data), depth=0, kind="text/plain", is_message=True))


class _Walker:
    """Goes through the entities of one message, from the outermost in."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def walk(self, start: int, end: int, *, depth: int, kind: str, is_message: bool = False) -> list[Edit]:
        """The edits for one entity. kind: its type where it names none. is_message: it has a message's header."""
        try:
            return self._edits(self._entity(start, end, is_message=is_message), depth, kind, is_message=is_message)
        except NoSevenBitForm:
            if is_seven_bit(self._data[start:end]):
                return []  # nothing in it has to change, so nobody needs to understand it
            raise

    def _entity(self, start: int, end: int, *, is_message: bool) -> Entity:
        raw = self._data[start:end]
        if not is_message and (not raw or raw.startswith(CRLF)):
            parsed = Parsed(raw, (), 0, min(len(CRLF), len(raw)))  # RFC 2046 section 5.1: a part without a header
        else:
            try:
                parsed = split_message(raw)
            except HeaderError:
                raise NoSevenBitForm(Obstacle.UNCLEAR) from None
        if not is_seven_bit(raw[: parsed.header_end]):
            raise NoSevenBitForm(Obstacle.HEADER)
        return Entity(parsed.fields, start, start + parsed.header_end, start + parsed.body_at, end)

    def _edits(self, entity: Entity, depth: int, kind: str, *, is_message: bool) -> list[Edit]:
        kind, boundary = content_type(entity, kind)
        encoding = encoding_of(entity)
        label, inner = self._inside(entity, kind, boundary, encoding, depth)
        header = [entity.label(label)] if label else []
        if (header or inner) and is_message and entity.one("mime-version") is None:
            header.append(Edit(entity.header_end, entity.header_end, Change.SAY_MIME))
        return sorted(header, key=lambda edit: edit.start) + inner

    def _inside(
        self, entity: Entity, kind: str, boundary: bytes, encoding: str, depth: int
    ) -> tuple[Change | None, list[Edit]]:
        """What the entity has to say of its encoding from now on, if that changes, and the edits of its body."""
        body = self._data[entity.body_at : entity.end]
        is_clean = is_seven_bit(body)
        if kind in SEALED and not is_clean:
            raise NoSevenBitForm(Obstacle.SIGNED)
        if encoding not in IDENTITY or kind in SEALED:
            if not is_clean:
                raise NoSevenBitForm(Obstacle.FIXED)
            return None, []
        relabelled = Change.SAY_7BIT if encoding != "7bit" else None
        if depth > DEPTH:
            raise NoSevenBitForm(Obstacle.UNCLEAR)
        if kind.startswith("multipart/"):
            return relabelled, self._parts(entity, boundary, depth, is_digest=kind == "multipart/digest")
        if kind == "message/rfc822":
            return relabelled, self.walk(
                entity.body_at, entity.end, depth=depth + 1, kind="text/plain", is_message=True
            )
        if is_clean:
            return relabelled, []
        if kind.partition("/")[0] in COMPOSITE:
            raise NoSevenBitForm(Obstacle.FIXED)
        change = shorter_encoding(body, is_text=kind.startswith("text/"))
        return SAYS[change], [Edit(entity.body_at, entity.end, change)]

    def _parts(self, entity: Entity, boundary: bytes, depth: int, *, is_digest: bool) -> list[Edit]:
        """The edits of the parts; what stands before the first and behind the last cannot be encoded."""
        kind = "message/rfc822" if is_digest else "text/plain"  # RFC 2046 section 5.1.5
        delimiter = re.compile(rb"(?:\A|(?<=\r\n))--%b(--)?[ \t]*(?:\r\n|\Z)" % re.escape(boundary))
        marks = list(delimiter.finditer(self._data[entity.body_at : entity.end]))
        closing = [bool(mark[1]) for mark in marks]
        if len(marks) < 2 or closing != [False] * (len(marks) - 1) + [True]:
            raise NoSevenBitForm(Obstacle.UNCLEAR)
        base = entity.body_at
        outside = (self._data[base : base + marks[0].start()], self._data[base + marks[-1].end() : entity.end])
        if not all(map(is_seven_bit, outside)):
            raise NoSevenBitForm(Obstacle.FIXED)
        edits: list[Edit] = []
        for mark, following in pairwise(marks):
            start = base + mark.end()
            end = max(start, base + following.start() - len(CRLF))  # its CRLF belongs to the boundary
            edits += self.walk(start, end, depth=depth + 1, kind=kind)
        return edits


def content_type(entity: Entity, default: str) -> tuple[str, bytes]:
    """Type and subtype in lower case, and the boundary of a multipart. Raises: NoSevenBitForm unless both are plain."""
    field = entity.one("content-type")
    if field is None:
        return default, b""
    match = _TYPE.match(field.value)
    if match is None:
        raise NoSevenBitForm(Obstacle.UNCLEAR)
    kind = (match[1] + b"/" + match[2]).decode("ascii").lower()
    return kind, _boundary(field.value, match.end()) if kind.startswith("multipart/") else b""


def _boundary(value: bytes, at: int) -> bytes:
    """The boundary parameter, given once in the plain form (RFC 2046 section 5.1.1). at: where the parameters begin."""
    found = _parameters(value, at, b"boundary")
    if len(found) != 1 or not found[0] or not _BOUNDARY.fullmatch(found[0]):
        raise NoSevenBitForm(Obstacle.UNCLEAR)
    return found[0]


def parameter(value: bytes, name: bytes) -> bytes:
    """A parameter of a Content-Type field, in the plain form; empty when it is not there. Raises: NoSevenBitForm."""
    match = _TYPE.match(value)
    found = _parameters(value, match.end(), name) if match is not None else [b"", b""]
    if len(found) > 1 or (found and not re.fullmatch(_TOKEN, found[0])):
        raise NoSevenBitForm(Obstacle.UNCLEAR)
    return found[0] if found else b""


def _parameters(value: bytes, at: int, name: bytes) -> list[bytes]:
    """Every parameter of that name; one whose name only begins so, such as `boundary*0`, counts as it is written."""
    found: list[bytes] = []
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None:
            raise NoSevenBitForm(Obstacle.UNCLEAR)
        if match[1] is not None and match[1].lower().startswith(name):
            found.append(match[0] if match[1].lower() != name else match[2] or match[3])
        at = match.end()
    return found


def encoding_of(entity: Entity) -> str:
    field = entity.one("content-transfer-encoding")
    return "7bit" if field is None else field.text.lower()
