"""Files in Microsoft's compound format ([MS-CFB]): Word, Excel and PowerPoint of old, encrypted OOXML, MSG."""

import io
import struct
from collections.abc import Callable, Iterator
from typing import Final

import olefile

from policy.phi.files import sheet
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.outlook import read_outlook
from policy.phi.files.streams import FAULTS, Streams
from policy.phi.files.word import WordRefused, word_text

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORD: Final = "application/msword"
EXCEL: Final = "application/vnd.ms-excel"
POWERPOINT: Final = "application/vnd.ms-powerpoint"
_IMAGE: Final = f"{NOT_YET} (an image)"
_MACROS: Final = ("vba", "_vba_project_cur", "macros")
_OBJECTS: Final = ("objectpool", "\x01ole10native", "package", "contents", "embedding")
_METADATA: Final = ("title", "subject", "author", "keywords", "comments", "category", "manager", "company")
_HEADER_RECORDS: Final = frozenset({0x0014, 0x0015})  # [MS-XLS] section 2.3: Header, Footer
_TXO: Final = 0x01B6
_CONTINUE: Final = 0x003C
_FILE_PASS: Final = 0x002F
_DRAWINGS: Final = 0x00EB
_PICTURE: Final = b"\x07\xf0"  # [MS-ODRAW] section 2.2.32, OfficeArtFBSE
_BOF: Final = 0x0809
# Blank, Number, Label, BoolErr, RString, LabelSst, MulRk, MulBlank, RK, Formula
_CELLS: Final = frozenset({0x201, 0x203, 0x204, 0x205, 0xD6, 0xFD, 0xBD, 0xBE, 0x27E, 0x06})
_MANY: Final = frozenset({0xBD, 0xBE})
_WIDE_ATOMS: Final = frozenset({0x0FA0, 0x0FBA})  # [MS-PPT] section 2.13.24: TextCharsAtom, CString
_NARROW_ATOM: Final = 0x0FA8
_CONTAINER: Final = 0x0F


def read_ole(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a compound file holds."""
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            yield from _read(Streams(file, job.budget), data, job)
    except FAULTS:
        yield Unreadable(job.place, "the document is damaged")


def _read(streams: Streams, data: bytes, job: Job) -> Iterator[Found]:
    if streams.has("EncryptedPackage") or streams.has("EncryptedSummary"):
        yield Unreadable(job.place, "the document is encrypted")
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
    if not names.isdisjoint(_OBJECTS) or any(name.startswith("mbd") for name in names):
        yield Unreadable(place, f"{NOT_YET} (an embedded object)")
    if streams.has("Pictures"):
        yield Unreadable(place, _IMAGE)
    properties = streams.properties(_METADATA)
    if properties:
        yield Piece(place, "\n".join(properties))
    yield from read(streams, data, job)
    if job.budget.octets <= 0:
        yield Unreadable(place, TOO_MUCH)


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
    stream = streams.read("Workbook") or streams.read("Book")
    largest, rows, columns, before = 0, 0, 0, 0
    said: list[str] = []
    for kind, body in _records(stream):
        if kind == _FILE_PASS:
            yield Unreadable(place, "the document is encrypted")
            return
        if kind == _BOF:
            rows = columns = 0
        elif kind in _CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<2H", body)
            rows, columns = max(rows, row + 1), max(columns, column + (len(body) // 6 if kind in _MANY else 1))
            largest = max(largest, rows * columns)
        elif kind == _DRAWINGS and _PICTURE in body:
            yield Unreadable(place, _IMAGE)
        elif kind in _HEADER_RECORDS and len(body) > 3:
            said.append(_characters(body[2:]))
        elif kind == _CONTINUE and before == _TXO and body:
            said.append(_characters(body))  # [MS-XLS] section 2.4.329: the text of a comment or a box
        before = kind
    if said:
        yield Piece(place, "\n".join(said))
    if largest > sheet.CELLS:
        yield Unreadable(place, "a sheet is larger than is read")
        return
    yield from sheet.read_cells(data, job, EXCEL)


def _characters(body: bytes) -> str:
    """Return a string with its flags before it ([MS-XLS] section 2.5.293): UTF-16, or its low octets."""
    return body[1:].decode("utf-16-le" if body[0] & 1 else "latin-1", errors="replace")


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a BIFF stream: type and content."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<2H", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _read_powerpoint(streams: Streams, _: bytes, job: Job) -> Iterator[Found]:
    """Yield the texts of slides, notes and masters; containers hold nothing of their own ([MS-PPT] section 2.3.1)."""
    stream = streams.read("PowerPoint Document")
    lines: list[str] = []
    at = 0
    while at + 8 <= len(stream):
        version, kind, length = struct.unpack_from("<2HL", stream, at)
        at += 8
        if version & 0x0F == _CONTAINER:
            continue
        if kind in _WIDE_ATOMS:
            lines.append(stream[at : at + length].decode("utf-16-le", errors="replace"))
        elif kind == _NARROW_ATOM:
            lines.append(stream[at : at + length].decode("latin-1"))
        at += length
    yield Piece(job.at(name=POWERPOINT), "\n".join(line.replace("\x0b", "\n") for line in lines))


_READERS: Final[tuple[tuple[str, Callable[[Streams, bytes, Job], Iterator[Found]], str], ...]] = (
    ("WordDocument", _read_word, WORD),
    ("Workbook", _read_excel, EXCEL),
    ("Book", _read_excel, EXCEL),
    ("PowerPoint Document", _read_powerpoint, POWERPOINT),
)
