"""Header fields as bytes: find them, and change a message by whole fields only.

Nothing here decodes, unfolds or re-serialises: what was not named comes out byte for byte as it went in, so that
signatures made by others still verify. The grammar is strict on purpose: what two readers could read differently
(` From:`, `From :`, bare CR) is refused instead of guessed at (cases ID-05, MP-07).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_HEADER: Final = 102_400  # octets; Postfix header_size_limit
MAX_FIELDS: Final = 1_000

# RFC 5322 section 2.2: name is printable US-ASCII but colon, no blank before the colon; then folded lines (2.2.3).
FIELD: Final = re.compile(rb"([!-9;-~]+):[^\r\n\0]*(?:\r\n[ \t][^\r\n\0]*)*\r\n")


class HeaderError(ValueError):
    """The header cannot be read in exactly one way. The text says why and never quotes the message."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field. name: lower case; raw: all of it, folds and final CRLF included."""

    name: str
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon, still folded, without the final CRLF."""
        return self.raw[len(self.name) + 1 : -2]

    @property
    def text(self) -> str:
        """The value unfolded (RFC 5322 section 2.2.3) and trimmed; octets above 127 as surrogates."""
        return self.value.replace(b"\r\n", b"").strip().decode("ascii", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message split once. body_at: offset of the first octet behind the empty line, or of the end."""

    data: bytes
    fields: tuple[Field, ...]
    header_end: int
    body_at: int

    @property
    def body(self) -> memoryview:
        return memoryview(self.data)[self.body_at :]

    def all(self, name: str) -> tuple[Field, ...]:
        """Fields of that lower-case name, top to bottom."""
        return tuple(field for field in self.fields if field.name == name)

    def with_fields(self, raws: Iterable[bytes]) -> bytes:
        """The message with these raw fields for a header; separator and body unchanged, copied once."""
        return b"".join((*raws, memoryview(self.data)[self.header_end :]))


def split_message(data: bytes) -> Parsed:
    """Split a message into fields and body.

    data: CRLF lines; the empty line and the body may be missing (RFC 5322 section 3.5).
    Returns: fields top to bottom; the body is a view of `data`, not a copy.
    Raises: HeaderError for a header that is empty, longer than 100 KiB or 1,000 fields, or malformed anywhere.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEADER + 4)
    if data.startswith(b"\r\n") or not data:
        raise HeaderError("no header")
    if end < 0 and len(data) > MAX_HEADER:
        raise HeaderError("header longer than 100 KiB")
    header_end = len(data) if end < 0 else end + 2
    return Parsed(data, _fields(data[:header_end]), header_end, min(header_end + 2, len(data)))


def with_changes(
    data: bytes,
    *,
    remove: frozenset[str] = frozenset(),
    prepend: Sequence[bytes] = (),
    replace: Mapping[str, bytes] | None = None,
) -> bytes:
    """Change a message by whole fields.

    remove, keys of replace: lower-case names. prepend, values of replace: complete raw fields with their final CRLF.
    The first field of a replaced name takes the new form in its place and later ones of that name go; one that is
    absent is not added.
    Raises: HeaderError as `split_message`, and for a new field that is not exactly one field (header injection, ID-10).
    """
    parsed = split_message(data)
    left = dict(replace or {})
    names = frozenset(left)
    for raw in (*prepend, *left.values()):
        check_field(raw)
    kept = list(prepend)
    for field in parsed.fields:
        if field.name in names:
            kept += [left.pop(field.name)] if field.name in left else []
        elif field.name not in remove:
            kept.append(field.raw)
    return parsed.with_fields(kept)


def check_field(raw: bytes) -> None:
    """Raise HeaderError unless `raw` is exactly one well-formed field."""
    if FIELD.fullmatch(raw) is None:
        raise HeaderError("not exactly one header field")


def _fields(header: bytes) -> tuple[Field, ...]:
    fields: list[Field] = []
    at = 0
    while at < len(header):
        match = FIELD.match(header, at)
        if match is None:
            raise HeaderError(f"header field {len(fields) + 1} is malformed")
        if len(fields) == MAX_FIELDS:
            raise HeaderError("more than 1,000 header fields")
        fields.append(Field(match[1].decode("ascii").lower(), match[0]))
        at = match.end()
    return tuple(fields)
