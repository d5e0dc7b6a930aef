"""Records of Excel 97 to 2003 ([MS-XLS] section 2.3): what no cell shows, how numbers look, how large a sheet is."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from policy.phi.files.masks import Mask, masks_of, written
from policy.phi.files.sheet import HEADER_CODES
from policy.phi.files.streams import printable

_HEADER_RECORDS: Final = frozenset({0x0014, 0x0015})  # Header, Footer
# Names, hints and links at cells, words of charts and scenarios, what other files and pivot tables said, who commented,
# and what drawings are called.
_SPEAKING: Final = frozenset(
    {0x18, 0x1BE, 0x1B8, 0x800, 0x100D, 0x1AE, 0x5A, 0xAF, 0x89C, 0x1C, 0x5C, 0xCD, 0x51, 0x52, 0xEC, 0x5D, 0x85A}
)
_TXO: Final = 0x01B6
_CONTINUE: Final = 0x003C
_FILE_PASS: Final = 0x002F
_DRAWINGS: Final = 0x00EB
_PICTURE: Final = b"\x07\xf0"  # [MS-ODRAW] section 2.2.32, OfficeArtFBSE
_BOF: Final = 0x0809
_FORMULA, _NUMBER, _RK, _MUL_RK, _FORMAT, _XF = 0x06, 0x203, 0x27E, 0xBD, 0x41E, 0xE0
# Blank, Number, Label, BoolErr, RString, LabelSst, MulRk, MulBlank, RK, Formula
_CELLS: Final = frozenset({0x201, 0x203, 0x204, 0x205, 0xD6, 0xFD, 0xBD, 0xBE, 0x27E, 0x06})
_MANY: Final = frozenset({0xBD, 0xBE})


@dataclass(slots=True)
class Book:
    """What the records tell. largest: cells of the largest rectangle; written: numbers as their formats show them."""

    said: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    largest: int = 0
    is_encrypted: bool = False
    has_pictures: bool = False


def read_book(stream: bytes) -> Book:
    """Go through the records of a workbook. Raises: struct.error."""
    book = Book()
    rows = columns = before = 0
    formats: dict[int, tuple[Mask, ...]] = {}
    looks: list[int] = []
    for kind, body in _records(stream):
        if kind == _FILE_PASS:
            book.is_encrypted = True
            return book
        if kind == _BOF:
            rows = columns = 0
        elif kind in _CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<2H", body)
            rows, columns = max(rows, row + 1), max(columns, column + (len(body) // 6 if kind in _MANY else 1))
            book.largest = max(book.largest, rows * columns)
            if formats:
                _write(kind, body, looks, formats, book)
        elif kind == _DRAWINGS:
            book.has_pictures |= _PICTURE in body
        elif kind == _FORMAT and len(body) > 5:
            code = _characters(body[4:])
            formats |= {struct.unpack_from("<H", body)[0]: masks} if (masks := masks_of(code)) else {}
        elif kind == _XF and len(body) >= 4:
            looks.append(struct.unpack_from("<H", body, 2)[0])
        else:
            book.said += _words(kind, body, before)
        before = kind
    return book


def _words(kind: int, body: bytes, before: int) -> list[str]:
    if kind in _HEADER_RECORDS and len(body) > 3:
        return [HEADER_CODES.sub(" ", _characters(body[2:]))]
    if kind == _CONTINUE and before == _TXO and body:
        return [_characters(body)]  # section 2.4.329: the text of a comment or a box
    return printable(body) if kind in _SPEAKING else []


def _write(kind: int, body: bytes, looks: list[int], formats: dict[int, tuple[Mask, ...]], book: Book) -> None:
    """Keep a cell's number as its format shows it (section 2.4.126)."""
    for look, number in _numbers(kind, body):
        masks = formats.get(looks[look]) if look < len(looks) else None
        if masks and number == int(number) and 0 <= number < 1e15:
            book.written[str(int(number))] = written(int(number), masks)


def _numbers(kind: int, body: bytes) -> Iterator[tuple[int, float]]:
    """Yield index of the look and value for each number of a record."""
    if kind in {_NUMBER, _FORMULA} and len(body) >= 14:
        look, number = struct.unpack_from("<Hd", body, 4)
        if number == number and abs(number) != float("inf"):  # words and errors of formulas are no numbers
            yield look, number
    elif kind in {_RK, _MUL_RK}:
        for look, packed in struct.iter_unpack("<HL", body[4 : 4 + (len(body) - 4) // 6 * 6]):
            yield look, _unpacked(packed)


def _unpacked(packed: int) -> float:
    """Return an RkNumber (section 2.5.217)."""
    if packed & 2:
        number = float((packed >> 2) - (1 << 30 if packed >> 31 else 0))
    else:
        (number,) = struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))
        number = number if number == number and abs(number) != float("inf") else 0.5
    return number / 100 if packed & 1 else number


def _characters(body: bytes) -> str:
    """Return a string with its flags before it (section 2.5.293): UTF-16, or its low octets."""
    return body[1:].decode("utf-16-le" if body[0] & 1 else "latin-1", errors="replace")


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a stream: type and content."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<2H", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length
