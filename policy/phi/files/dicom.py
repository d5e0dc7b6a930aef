"""DICOM files: every element that is text, labelled where its tag says whose or what it is; pictures are told.

How this works: the header says in which of four ways the rest is written (PS3.5 annex A). Elements stand one behind
the other; a sequence and its items are walked into and not built up, since whose element it is does not change what
it says. Without value representations (implicit VR) a value is text when it has no octet that text has not. Pixels may
show a name burned in, and the element that denies it (0028,0301) is the sender's word, so pixels are always told.
Source: DICOM PS3.5 chapter 7 and annex A, PS3.6 for the tags, PS3.10 chapter 7.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy.phi.containers.dates import iso_date
from policy.phi.decode import charset_decode
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.zip import RATIO, SMALL

DICOM: Final = "application/dicom"
_PREAMBLE: Final = 128  # octets, PS3.10 section 7.1
_PREFIX: Final = b"DICM"
_IMPLICIT: Final = "1.2.840.10008.1.2"  # PS3.5 sections A.1, A.3, A.5
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # section 7.1.2: 32 bits of length
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_ITEM_END: Final = 0xFFFEE00D
_SYNTAX, _CHARSET = 0x00020010, 0x00080005
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_OVERLAY: Final = range(0x6000, 0x6100)  # group of its pictures, PS3.6 chapter 6
_DOCUMENT: Final = 0x00420011  # a whole PDF, C-CDA or model
_IDENTITY_REMOVED: Final = (
    0x00120062  # PS3.3 section C.7.1.1: YES, then a patient's number is that of a study's subject
)
_NUMBERS: Final = frozenset({0x00100020, 0x00101000})
_SMALL: Final = 64  # octets; longer values that are no text are told
# What every picture has and is a table of numbers: colours and profiles.
_TABLES: Final = frozenset({0x00281201, 0x00281202, 0x00281203, 0x00282000, 0x00283006})
_DATES: Final = frozenset({0x00080020, 0x00100030, 0x00380020, 0x00380030})
_NAMES: Final = {
    0x00100010: "Patient name", 0x00101001: "Patient name", 0x00101005: "Patient name",
    0x00101060: "Relative of patient", 0x00102297: "Relative of patient",
    0x00080090: "Provider", 0x00081048: "Provider", 0x00081050: "Provider", 0x00081060: "Provider",
    0x00081070: "Provider", 0x00321032: "Provider", 0x00400006: "Provider", 0x0040A075: "Provider",
    0x0040A123: "Name",
}  # fmt: skip
_LABELS: Final = {
    0x00100020: "MRN", 0x00101000: "MRN", 0x00101090: "MRN", 0x00100030: "DOB", 0x00100040: "Sex", 0x00101010: "Age",
    0x00101040: "Address", 0x00102154: "Phone", 0x00102110: "Allergy", 0x00102000: "Medical alert",
    0x001021B0: "Patient history", 0x00104000: "Patient comments", 0x00080020: "Date of study",
    0x00080050: "Accession number", 0x00081030: "Imaging study", 0x0008103E: "Imaging series",
    0x00081080: "Diagnosis", 0x00180015: "Imaging of", 0x00321060: "Procedure", 0x00380010: "Account number",
    0x00380020: "Date of admission", 0x00380030: "Date of discharge", 0x00400254: "Procedure", 0x00401002: "Diagnosis",
    0x0040A160: "Report", **_NAMES,
}  # fmt: skip
# PS3.3 section C.12.1.1.2; the others are known by their escapes or are ASCII
_CHARSETS: Final = {
    "ISO_IR 13": "shift_jis", "ISO_IR 101": "iso8859_2", "ISO_IR 109": "iso8859_3", "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7", "ISO_IR 127": "iso8859_6", "ISO_IR 138": "iso8859_8", "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9", "ISO_IR 166": "tis_620", "ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk",
}  # fmt: skip
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_UID: Final = re.compile(rb"(?=.{16})[0-9]{1,9}(?:\.[0-9]{1,64}){2,30}")  # PS3.5 section 9.1; longer than addresses


class _Damaged(Exception):
    """The elements do not follow each other as they say."""


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How elements are written. order: of `struct`."""

    order: str = "<"
    is_explicit: bool = True


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    value: bytes
    end: int  # where the next one begins


def is_dicom(data: bytes) -> bool:
    """Tell a file by its prefix, which stands behind a preamble of any content."""
    return data[_PREAMBLE : _PREAMBLE + 4] == _PREFIX


def read_dicom(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what the elements of a file say, the documents in it, and that there are pictures."""
    place = job.at(name=DICOM)
    if data[:_PREAMBLE].strip(b"\x00"):
        yield Unreadable(place, "something stands before the header of a picture")
    start = _PREAMBLE + 4
    name = ""
    lines: list[tuple[int, str]] = []
    try:
        while data[start : start + 2] == b"\x02\x00":  # PS3.10 section 7.1: always little endian with explicit VR
            element = _element(data, start, _Syntax())
            name = element.value.strip(b"\x00 ").decode("latin-1") if element.tag == _SYNTAX else name
            start = element.end
        body = data[start:]
        if name == _DEFLATED:
            body, reason = _inflate(body, job)
            yield from [Unreadable(place, reason)] if reason else []
        syntax = _Syntax(">" if name == _BIG_ENDIAN else "<", is_explicit=name != _IMPLICIT)
        yield from _walk(body, syntax, job, lines)
    except (_Damaged, struct.error):
        yield Unreadable(place, "the picture's header is damaged")
    if lines:
        is_subject = (_IDENTITY_REMOVED, "YES") in lines
        yield Piece(place, "\n".join(_labelled(tag, words, is_subject=is_subject) for tag, words in lines))


def _inflate(packed: bytes, job: Job) -> tuple[bytes, str]:
    """Undo the deflated transfer syntax (PS3.5 section A.5); returns the elements, and why they are not all."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = max(0, min(job.budget.octets, max(SMALL, RATIO * len(packed))))
    try:
        body = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise _Damaged from error
    job.budget.octets -= len(body)
    if len(body) > limit:
        return b"", TOO_MUCH
    is_whole = inflater.eof and not inflater.unused_data.strip(b"\x00")
    return body, "" if is_whole else "the picture's header is damaged"


def _walk(data: bytes, syntax: _Syntax, job: Job, lines: list[tuple[int, str]]) -> Iterator[Found]:
    """Yield what elements hold that is no line, and add lines for those that are text."""
    place = job.at(name=DICOM)
    charset, at, documents = "", 0, 0
    told: set[str] = set()
    while at < len(data):
        job.budget.elements -= 1
        if job.budget.elements < 0:
            yield Unreadable(place, "the document is more than is looked at")
            return
        element = _element(data, at, syntax)
        at = element.end
        what = ""
        if element.tag == _CHARSET:
            charset = _CHARSETS.get(element.value.strip(b"\x00 ").decode("latin-1").replace("ISO 2022 ", "ISO_"), "")
        elif element.tag in _PIXELS or element.tag >> 16 in _OVERLAY:
            what = f"{NOT_YET} (an image)" if element.tag in _PIXELS or len(element.value) > _SMALL else ""
            if element.value == b"":  # of undefined length: pieces of a picture follow, in items of no elements
                at = _end_of_pixels(data, at, syntax)
        elif element.tag == _DOCUMENT and element.value:
            documents += 1
            yield from job.inside(element.value, number=documents, file_name="document")
        elif len(element.value) > 2 * job.budget.characters:
            what = TOO_MUCH
        elif _NO_TEXT.search(element.value.rstrip(b"\x00")):
            is_long = len(element.value) > _SMALL and element.tag not in _TABLES
            what = f"{NOT_YET} (values of a picture)" if is_long else ""
        else:
            lines += ((element.tag, words) for words in _said(element, charset))
        if what and what not in told:
            told.add(what)
            yield Unreadable(place, what)


def _element(data: bytes, at: int, syntax: _Syntax) -> _Element:
    """Read one element; one that holds others has no value, and ends where the first of them begins.

    Raises: _Damaged, struct.error.
    """
    group, number = struct.unpack_from(f"{syntax.order}2H", data, at)
    tag = group << 16 | number
    holds_more = tag in {_ITEM, _ITEM_END, _SEQUENCE_END}
    if not syntax.is_explicit or holds_more:
        (length,) = struct.unpack_from(f"{syntax.order}L", data, at + 4)
        at += 8
    else:
        kind = data[at + 4 : at + 6]
        if not (kind.isalpha() and kind.isupper()):
            raise _Damaged
        is_long = kind in _LONG
        (length,) = struct.unpack_from(f"{syntax.order}{'L' if is_long else 'H'}", data, at + (8 if is_long else 6))
        at += 12 if is_long else 8
        holds_more = kind == b"SQ"
    if length == _UNDEFINED or holds_more or _is_sequence(data, at, length, syntax):
        return _Element(tag, b"", at)
    if at + length > len(data):
        raise _Damaged
    return _Element(tag, data[at : at + length], at + length)


def _is_sequence(data: bytes, at: int, length: int, syntax: _Syntax) -> bool:
    """Tell whether a value without a representation begins with an item (section 7.5)."""
    return length >= 8 and struct.unpack_from(f"{syntax.order}2H", data, at) == (_ITEM >> 16, _ITEM & 0xFFFF)


def _end_of_pixels(data: bytes, at: int, syntax: _Syntax) -> int:
    """Return where the pieces of a compressed picture end (section A.4); where they begin when there are none."""
    while at + 8 <= len(data):
        group, number, length = struct.unpack_from(f"{syntax.order}2HL", data, at)
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return at + 8
        if tag != _ITEM:
            return at
        at += 8 + length
        if at > len(data):
            raise _Damaged
    return at


def _said(element: _Element, charset: str) -> Iterator[str]:
    """Yield every value in every reading of an element's text; a name of a picture says nothing."""
    value = element.value.strip(b"\x00 \r\n")
    if not value or _UID.fullmatch(value):
        return
    for reading in charset_decode(value, charset)[0]:
        for text in reading.split("\\") if element.tag in _LABELS else [reading]:  # section 6.4
            if element.tag in _DATES:
                words = iso_date(text.strip())
            elif element.tag in _NAMES or "^" in text:
                words = "; ".join(_name(group) for group in text.split("=") if group.strip("^ "))
            else:
                words = text.strip()
            if words:
                yield words


def _labelled(tag: int, words: str, *, is_subject: bool) -> str:
    label = "Subject" if is_subject and tag in _NUMBERS else _LABELS.get(tag)
    return f"{label}: {words}" if label else words


def _name(group: str) -> str:
    """Write "family^given^middle^prefix^suffix" (section 6.2, PN) as it is spoken."""
    family, given, middle, prefix, suffix = (*group.split("^"), "", "", "", "", "")[:5]
    rest = group.split("^")[5:]
    return " ".join(" ".join((prefix, given, middle, family, suffix, *rest)).split())
