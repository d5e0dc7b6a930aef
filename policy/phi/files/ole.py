"""Files in Microsoft's compound format ([MS-CFB]): Word, Excel and PowerPoint of old, encrypted OOXML, MSG."""

import io
import struct
from collections.abc import Callable, Iterator
from typing import Final

import olefile

from policy.phi.files import sheet
from policy.phi.files.biff import read_book
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.outlook import read_outlook
from policy.phi.files.package import read_content, read_native
from policy.phi.files.streams import FAULTS, Streams, printable
from policy.phi.files.word import WordRefused, word_text
from policy.phi.report import Place

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORD: Final = "application/msword"
EXCEL: Final = "application/vnd.ms-excel"
POWERPOINT: Final = "application/vnd.ms-powerpoint"
OBJECT: Final = "application/octet-stream"
_IMAGE: Final = f"{NOT_YET} (an image)"
_EMBEDDED: Final = f"{NOT_YET} (an embedded object)"
_ENCRYPTED: Final = "the document is encrypted"
_MACROS: Final = ("vba", "_vba_project_cur", "macros")
_OBJECTS: Final = ("objectpool", "\x01ole10native", "package", "contents", "embedding")
# Streams by the first name of their path: what is read or says nothing, and what is looked through for words.
_KNOWN: Final = frozenset(
    "worddocument,0table,1table,workbook,book,powerpoint document,pictures,\x01compobj,\x01ole,\x03objinfo,\x03linkinfo"
    ",\x01ole10native,package,contents".split(",")
)
_LOOKED_THROUGH: Final = frozenset({"data", "current user", "user names", "_sx_db_cur", "ctls", "header"})
_LOOKED_AT: Final = 262_144  # octets of one such stream
_UNKNOWN: Final = "a part of the document is not read"
_METADATA: Final = ("title", "subject", "author", "keywords", "comments", "category", "manager", "company")
_WIDE_ATOMS: Final = frozenset({0x0FA0, 0x0FBA})  # [MS-PPT] section 2.13.24: TextCharsAtom, CString
_NARROW_ATOM: Final = 0x0FA8
_CONTAINER: Final = 0x0F
# ExOleObjStg, SoundDataBlob, CryptSession10Container
_TOLD: Final = {0x1011: _EMBEDDED, 0x07E7: f"{NOT_YET} (a sound)", 0x2F14: _ENCRYPTED}
_ENCRYPTED_TOKEN: Final = b"\xdf\xc4\xd1\xf3"  # [MS-PPT] section 2.3.2: headerToken


def read_ole(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a compound file holds."""
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            yield from _read(Streams(file, job.budget), data, job)
    except FAULTS:
        yield Unreadable(job.place, "the document is damaged")


def _read(streams: Streams, data: bytes, job: Job) -> Iterator[Found]:
    if streams.has("EncryptedPackage") or streams.has("EncryptedSummary"):
        yield Unreadable(job.place, _ENCRYPTED)
        return
    if streams.has("__properties_version1.0"):
        yield from read_outlook(streams, job)
        return
    read, kind = next(((read, kind) for name, read, kind in _READERS if streams.has(name)), (None, ""))
    if read is None:
        yield Unreadable(job.place, f"{NOT_YET} (an office document of an older kind)")
        return
    place = job.at(name=kind)
    names = {name.lower() for path in streams.paths for name in path}
    if not names.isdisjoint(_MACROS):
        yield Unreadable(place, "the document holds macros")
    if kind != OBJECT and (not names.isdisjoint(_OBJECTS) or any(name.startswith("mbd") for name in names)):
        yield Unreadable(place, _EMBEDDED)
    if streams.has("Pictures"):
        yield Unreadable(place, _IMAGE)
    yield from _around(streams, job, place)
    yield from read(streams, data, job)
    if streams.is_damaged:
        yield Unreadable(place, "the document is damaged")
    if job.budget.octets <= 0:
        yield Unreadable(place, TOO_MUCH)


def _around(streams: Streams, job: Job, place: Place) -> Iterator[Found]:
    """Yield what stands beside the text: properties, custom XML, and streams that are not known."""
    lines = streams.properties(_METADATA)
    for number, path in enumerate(streams.paths, start=1):
        first = path[0].lower()
        if first == "msodatastore":
            yield from job.inside(streams.read(*path), number=number, file_name="item.xml")
        elif first.startswith("\x05"):
            lines += printable(streams.read(*path))  # custom properties and links are not among the known ones
        elif first in _KNOWN or first in _MACROS or first in _OBJECTS or first.startswith("mbd"):
            continue
        elif streams.size(*path) > _LOOKED_AT:
            yield Unreadable(place, _UNKNOWN)
        elif content := streams.read(*path):
            lines += printable(content)
            yield from [Unreadable(place, _UNKNOWN)] if first not in _LOOKED_THROUGH else []
    if lines:
        yield Piece(place, "\n".join(dict.fromkeys(lines)))


def _read_word(streams: Streams, _: bytes, job: Job) -> Iterator[Found]:
    place = job.at(name=WORD)
    try:
        lines, has_pictures = word_text(streams.read("WordDocument"), (streams.read("0Table"), streams.read("1Table")))
    except WordRefused as refused:
        yield Unreadable(place, str(refused))
        return
    if has_pictures:
        yield Unreadable(place, _IMAGE)
    yield Piece(place, "\n".join(lines))


def _read_excel(streams: Streams, data: bytes, job: Job) -> Iterator[Found]:
    place = job.at(name=EXCEL)
    book = read_book(streams.read("Workbook") or streams.read("Book"))
    if book.is_encrypted:
        yield Unreadable(place, _ENCRYPTED)
        return
    if book.has_pictures:
        yield Unreadable(place, _IMAGE)
    if book.said:
        yield Piece(place, "\n".join(dict.fromkeys(book.said)))
    if book.largest > sheet.CELLS:
        yield Unreadable(place, "a sheet is larger than is read")
        return
    yield from sheet.read_cells(data, job, EXCEL, looks=book.written)


def _read_powerpoint(streams: Streams, _: bytes, job: Job) -> Iterator[Found]:
    """Yield the texts of slides, notes and masters; containers hold nothing of their own ([MS-PPT] section 2.3.1)."""
    stream = streams.read("PowerPoint Document")
    lines: list[str] = []
    told: dict[str, None] = {}
    if _ENCRYPTED_TOKEN in streams.read("Current User")[:32]:
        told[_ENCRYPTED] = None
    at = 0
    while at + 8 <= len(stream):
        version, kind, length = struct.unpack_from("<2HL", stream, at)
        at += 8
        if kind in _TOLD:
            told[_TOLD[kind]] = None
        if version & 0x0F == _CONTAINER:
            continue
        if kind in _WIDE_ATOMS:
            lines.append(stream[at : at + length].decode("utf-16-le", errors="replace"))
        elif kind == _NARROW_ATOM:
            lines.append(stream[at : at + length].decode("latin-1"))
        at += length
    yield from (Unreadable(job.at(name=POWERPOINT), reason) for reason in told)
    yield Piece(job.at(name=POWERPOINT), "\n".join(line.replace("\x0b", "\n") for line in lines))


_READERS: Final[tuple[tuple[str, Callable[[Streams, bytes, Job], Iterator[Found]], str], ...]] = (
    ("WordDocument", _read_word, WORD),
    ("Workbook", _read_excel, EXCEL),
    ("Book", _read_excel, EXCEL),
    ("PowerPoint Document", _read_powerpoint, POWERPOINT),
    ("\x01Ole10Native", lambda streams, _, job: read_native(streams.read("\x01Ole10Native"), job), OBJECT),
    ("Package", lambda streams, _, job: read_content(streams.read("Package"), job), OBJECT),
    ("CONTENTS", lambda streams, _, job: read_content(streams.read("CONTENTS"), job), OBJECT),
)
