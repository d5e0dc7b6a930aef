"""Count and judge the raw bytes of a message before any parser sees them (MP-07, MP-17).

The parser that follows is the standard library's, whose work grows faster than its input on many parts, parameters
or levels. This scan is linear, keeps nothing, and says in words what makes a message unreadable (`limits`: do not
parse) or readable in more than one way (`ambiguities`: parse, but never trust).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

HEADER_BYTES: Final = 102_400  # Postfix header_size_limit
HEADER_FIELDS: Final = 1_000
PARAMETERS: Final = 2_000  # ";" in header sections; RFC 2231 lets one parameter be cut into many
CONTENT_FIELD_BYTES: Final = 16_384  # one Content-* field of any part: parsers take quadratic time over its parameters
PARTS: Final = 200
MULTIPARTS: Final = 100  # "multipart/" and "message/" anywhere: an upper bound for nesting
BOUNDARY_BYTES: Final = 70  # RFC 2046 section 5.1.1
DEPTH: Final = 20
DASH_LINES: Final = 100_000  # lines that begin with "--", each of which a parser compares with every open boundary

_HEADER_END: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_FIELD: Final = re.compile(rb"(?m)^[!-9;-~]{1,80}:")
_MISNAMED: Final = re.compile(rb"(?im)^(?:content-(?:type|transfer-encoding|disposition)|mime-version)[ \t]+:")
_CONTAINER: Final = re.compile(rb"content-type:[ \t\r\n]{0,8}\"?(?:multipart|message)/")  # in lower case
_BOUNDARY: Final = re.compile(
    rb"(?i)boundary(?P<star>\*[0-9]{0,3}\*?)?[ \t]{0,8}=[ \t]{0,8}"
    rb"(?:\"(?P<quoted>[^\"\r\n]{0,300})\"|(?P<bare>[^;\s]{0,300}))"
)
_DASH_LINE: Final = re.compile(rb"\n--([^\r\n]{1,300})")
_TOLD_APART: Final = 100  # boundaries
_BOUNDARY_CHARS: Final = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 section 5.1.1
_CONTENT_FIELD: Final = re.compile(rb"(?im)^content-[a-z-]{1,40}[ \t]{0,8}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class Structure:
    """What the raw bytes say about the message as a whole.

    limits: reasons not to parse at all; ambiguities: reasons not to trust any single reading.
    header_length: offset at which the top header section ends.
    """

    limits: tuple[str, ...]
    ambiguities: tuple[str, ...]
    header_length: int


def scan(data: bytes) -> Structure:
    """Judge a message on raw counts. Linear in its size; never fails.

    data: the message as it came, lines ended by CRLF or LF.
    """
    end = _HEADER_END.search(data)
    header = data[: end.start()] if end else data
    lower = data.lower()
    content_fields = _content_fields(data, lower)
    boundaries = _boundaries(data, lower)
    return Structure(
        limits=tuple(_limits(data, lower, header, content_fields, boundaries)),
        ambiguities=tuple(_ambiguities(data, lower, header, content_fields)),
        header_length=len(header),
    )


def _content_fields(data: bytes, lower: bytes) -> list[bytes]:
    """Return the Content-* fields of all parts, with the lines that continue them."""
    fields, start = [], lower.find(b"content-")
    while start >= 0:
        field = _CONTENT_FIELD.match(data, start)
        if field:
            fields.append(field[0])
        start = lower.find(b"content-", field.end() if field else start + 1)
    return fields


def _boundaries(data: bytes, lower: bytes) -> set[bytes]:
    """Return what may be a boundary anywhere in the message."""
    found, start = set(), lower.find(b"boundary")
    while start >= 0:
        match = _BOUNDARY.match(data, start)
        if match:
            found.add(match["quoted"] or match["bare"] or b"")
        start = lower.find(b"boundary", match.end() if match else start + 1)
    return found - {b""}


def _dash_lines(data: bytes) -> list[bytes]:
    """Return what stands behind the dashes of each line that begins with two."""
    return _DASH_LINE.findall(data if data[:2] != b"--" else b"\n" + data)


def _limits(
    data: bytes, lower: bytes, header: bytes, content_fields: Sequence[bytes], boundaries: set[bytes]
) -> list[str]:
    dashes = data.count(b"\n--")
    is_counted = boundaries and dashes <= DASH_LINES
    parts = sum(_boundary_of(line) in boundaries for line in _dash_lines(data)) if is_counted else 0
    may_contain = b"multipart/" in lower or b"message/" in lower
    checks = (
        (len(header) > HEADER_BYTES, f"the header is longer than {HEADER_BYTES} bytes"),
        (len(_FIELD.findall(header)) > HEADER_FIELDS, f"there are more than {HEADER_FIELDS} header fields"),
        (header.count(b";") > PARAMETERS, f"the header has more than {PARAMETERS} parameters"),
        (
            any(len(field) > CONTENT_FIELD_BYTES for field in content_fields),
            f"a content field is longer than {CONTENT_FIELD_BYTES} bytes",
        ),
        (
            may_contain and len(_CONTAINER.findall(lower)) > MULTIPARTS,
            f"more than {MULTIPARTS} parts hold other parts",
        ),
        (len(boundaries) > MULTIPARTS, f"more than {MULTIPARTS} boundaries are declared"),
        (dashes > DASH_LINES, f"more than {DASH_LINES} lines look like a boundary"),
        (parts > PARTS + len(boundaries), f"there are more than {PARTS} parts"),
    )
    return [reason for exceeded, reason in checks if exceeded]


def _boundary_of(line: bytes) -> bytes:
    stripped = line.rstrip(b" \t")
    return stripped.removesuffix(b"--") or stripped


def _ambiguities(data: bytes, lower: bytes, header: bytes, content_fields: Sequence[bytes]) -> list[str]:
    """Name shapes that parsers read differently; RFC 2046 section 5.1.1 and RFC 5322 section 2.2 say what is right."""
    reasons = []
    if (b" :" in lower or b"\t:" in lower) and _is_misnamed(data, lower):
        reasons.append("a blank stands between a content header's name and its colon")
    if header[:1] in {b" ", b"\t"}:
        reasons.append("the first header line is a continuation")
    if _BARE_CR.search(header):
        reasons.append("a bare carriage return stands in the header")
    if b"\x00" in header:
        reasons.append("a NUL stands in the header")
    if b"boundary" in lower:
        reasons.extend(_ambiguous_boundaries(data, header, content_fields))
    return reasons


def _is_misnamed(data: bytes, lower: bytes) -> bool:
    for name in (b"content-", b"mime-version"):
        start = lower.find(name)
        while start >= 0:
            if _MISNAMED.match(data, start):
                return True
            start = lower.find(name, start + 1)
    return False


def _ambiguous_boundaries(data: bytes, header: bytes, content_fields: Sequence[bytes]) -> Iterator[str]:
    declared = [
        (match["star"], match["quoted"] if match["quoted"] is not None else match["bare"])
        for field in content_fields
        for match in _BOUNDARY.finditer(field)
    ]
    for star, boundary in declared:
        if (
            star
            or not boundary
            or len(boundary) > BOUNDARY_BYTES
            or not _BOUNDARY_CHARS.fullmatch(boundary)
            or boundary.startswith(b"=?")
        ):
            yield "a boundary is written in a way that parsers read differently"
            break
    if len(_BOUNDARY.findall(header)) > 1:
        yield "two boundaries are declared in one header"
    names = sorted({boundary for _, boundary in declared if boundary})
    if len(names) < len(declared):
        yield "two parts declare the same boundary"
    if any(longer.startswith(shorter) for shorter, longer in pairwise(names)):
        yield "a boundary begins like another one"
    if names and len(names) <= _TOLD_APART and _has_junk(data, tuple(names)):
        yield "a line begins like a boundary and goes on"


def _has_junk(data: bytes, boundaries: tuple[bytes, ...]) -> bool:
    """Tell whether a line is a boundary only to parsers that compare no further than its length."""
    known = frozenset(boundaries)
    return any(
        line.startswith(boundaries) and line.rstrip(b" \t") not in known and _boundary_of(line) not in known
        for line in _dash_lines(data)
    )
