"""Text of Word 97 to 2003 by the piece table ([MS-DOC] section 2.4.1): body, notes, headers, comments, boxes."""

import struct
from collections.abc import Iterator
from typing import Final

from policy.phi.text_csv import table_lines

_MAGIC: Final = 0xA5EC
_WORD_97: Final = 0x00C1  # section 2.5.1: nFib
_ENCRYPTED: Final = 0x0100
_TABLE_1: Final = 0x0200
_CLX_AT: Final = 0x01A2  # fcClx in FibRgFcLcb97, then lcbClx
_PIECES: Final = 50_000
_MARKS: Final = {
    0x0B: "\n", 0x0C: "\n", 0x0D: "\n", 0x0E: "\n", 0x13: " ", 0x14: " ", 0x15: " ", 0x1E: "-", 0x1F: "", 0x02: "",
    0x05: "", 0x01: "", 0x08: "", 0x03: "", 0x04: "",
}  # fmt: skip
_PICTURES: Final = ("\x01", "\x08")  # section 2.4.1: an inline picture, a drawn object


class WordRefused(Exception):
    """The document cannot be read; the text says why, in words."""


def word_text(document: bytes, tables: tuple[bytes, bytes]) -> tuple[list[str], bool]:
    """Return the lines of a document, and whether it shows pictures.

    document: its stream WordDocument. tables: 0Table and 1Table, b"" for one that is not there.
    Raises: WordRefused.
    """
    try:
        magic, version = struct.unpack_from("<2H", document)
        (flags,) = struct.unpack_from("<H", document, 10)
        start, length = struct.unpack_from("<2L", document, _CLX_AT)
    except struct.error as error:
        raise WordRefused("the document is damaged") from error
    if magic != _MAGIC or version < _WORD_97:
        raise WordRefused("the document is of a version that is not read")
    if flags & _ENCRYPTED:
        raise WordRefused("the document is encrypted")
    table = tables[bool(flags & _TABLE_1)]
    text = "".join(_pieces(document, _piece_table(table[start : start + length])))
    return list(_lines(text.translate(_MARKS))), any(mark in text for mark in _PICTURES)


def _piece_table(clx: bytes) -> bytes:
    """Return PlcPcd, which stands behind any number of Prc (section 2.9.38)."""
    at = 0
    while clx[at : at + 1] == b"\x01":
        at += 3 + int.from_bytes(clx[at + 1 : at + 3], "little")
    if clx[at : at + 1] != b"\x02":
        raise WordRefused("the document is damaged")
    length = int.from_bytes(clx[at + 1 : at + 5], "little")
    table = clx[at + 5 : at + 5 + length]
    if len(table) != length or length < 16 or (length - 4) % 12:
        raise WordRefused("the document is damaged")
    return table


def _pieces(document: bytes, table: bytes) -> Iterator[str]:
    """Yield the text of each piece (section 2.9.177): octets of windows-1252, or UTF-16."""
    count = (len(table) - 4) // 12
    if count > _PIECES:
        raise WordRefused("the document is more than is looked at")
    places = struct.unpack_from(f"<{count + 1}L", table)
    left = len(document)  # more than there is can only be read by reading the same twice
    for index in range(count):
        (at,) = struct.unpack_from("<L", table, 4 * (count + 1) + 8 * index + 2)
        length = places[index + 1] - places[index]
        is_narrow = bool(at & 0x40000000)
        at = (at & 0x3FFFFFFF) // 2 if is_narrow else at & 0x3FFFFFFF
        octets = length if is_narrow else length * 2
        left -= octets
        if length < 0 or at + octets > len(document) or left < 0:
            raise WordRefused("the document is damaged")
        yield document[at : at + octets].decode("cp1252" if is_narrow else "utf-16-le", errors="replace")


def _lines(text: str) -> Iterator[str]:
    """Yield lines; a cell ends with U+0007, and a row with one more (section 2.4.3)."""
    rows: list[list[str]] = []
    cells: list[str] = []
    for chunk in text.split("\n"):
        *ended, rest = chunk.split("\x07")
        for cell in ended:
            if cell or not cells:
                cells.append(cell.strip())
            else:  # an empty one: of an empty cell, or the end of the row
                rows.append(cells)
                cells = []
        if not rest.strip() and (ended or cells):
            continue
        if rows and not cells:
            yield from table_lines(rows)
            rows = []
        if cells:
            cells[-1] += f" {rest.strip()}"
        elif rest.strip():
            yield rest.strip()
    yield from table_lines([*rows, cells] if cells else rows)
