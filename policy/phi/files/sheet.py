"""Cells of spreadsheets through calamine, hidden sheets too: a line a row, each value beside its column's label.

calamine makes a rectangle of all cells from the first to the last, so two cells at opposite corners would cost
gigabytes: how large it would be is found out first, and a sheet beyond the limit is not given to it (AB-07).
"""

import datetime
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from policy.phi.files.found import Budget, Found, Job, Piece, Unreadable
from policy.phi.files.masks import Mask, masks_of, written
from policy.phi.files.xml_walk import XmlRefused, xml_lines
from policy.phi.grid import Grid
from policy.phi.text_csv import bare, is_header, labelled

CELLS: Final = 1_000_000  # of the rectangle around all cells of one sheet
SHEETS: Final = 200
_CELL: Final = re.compile(rb"<(?:\w{1,20}:)?c\b[^<>]{0,200}?\br=[\"']([A-Za-z]{1,4})([0-9]{1,9})[\"']")
_BARE_CELL: Final = re.compile(rb"<(?:\w{1,20}:)?c[\s/>]")
_ROW: Final = re.compile(rb"<(?:\w{1,20}:)?row\b")
_ROW_NAME: Final = re.compile(rb"<(?:\w{1,20}:)?row\b[^<>]{0,300}?\br=[\"']([0-9]{1,9})[\"']")
_FORMULA_WORDS: Final = re.compile(r"<(?:\w{1,20}:)?f\b[^<>]*>([^<]+)<")
_QUOTED: Final = re.compile(r"\"([^\"]{2,})\"")
_DATA: Final = re.compile(rb"<((?:\w{1,20}:)?)sheetData>")
_UNUSUAL: Final = (b"<![CDATA[", b"<!--")  # in which patterns see other things than a program does
_STYLED: Final = re.compile(
    rb"<(?:\w{1,20}:)?c\b([^<>]*)>(?:<(?:\w{1,20}:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w{1,20}:)?f>))?"
    rb"<(?:\w{1,20}:)?v>([0-9.E+]{1,25})</"
)
_STYLE: Final = re.compile(rb"\bs=[\"'](\d{1,6})[\"']")
_FORMAT: Final = re.compile(r"<(?:\w{1,20}:)?numFmt\b([^<>]*)>")
_FORMAT_OF: Final = re.compile(r"\b(numFmtId|formatCode)=(?:\"([^\"]*)\"|'([^']*)')")
_LOOKS: Final = re.compile(r"<(?:\w{1,20}:)?cellXfs\b")
_LOOKS_END: Final = re.compile(r"</(?:\w{1,20}:)?cellXfs>")
_LOOK: Final = re.compile(r"<(?:\w{1,20}:)?xf\b[^<>]*>")
HEADER_CODES: Final = re.compile(r"&(?:[LCRPNDTFABGUEXYZISHO]|&|\"[^\"]{0,80}\"|K[0-9A-F]{6}|\d{1,3})")
TOO_LARGE: Final = "a sheet is larger than is read"


@dataclass(frozen=True, slots=True)
class Workbook:
    """The parts of an XLSX that are read together: worksheets, shared strings, and what says how numbers look."""

    sheets: Sequence[bytes]
    strings: Sequence[str]
    styles: bytes = b""


def read_workbook(data: bytes, book: Workbook, job: Job, kind: str) -> Iterator[Found]:
    """Yield the cells of an XLSX, what stands around them, and strings that no cell shows any more. data: the file."""
    place = job.at(name=kind)
    for content in book.sheets:
        try:
            around = list(_around(content, job.budget))
        except XmlRefused as refused:
            yield Unreadable(place, str(refused))
            continue
        if around:
            yield Piece(place, "\n".join(around))
    if any(_area(content) > CELLS for content in book.sheets):
        yield Unreadable(place, TOO_LARGE)
        yield Piece(place, "\n".join(book.strings))
        return
    shown: set[str] = set()
    found = list(read_cells(data, job, kind, shown, looks=_looks(book)))
    yield from found
    pages = max((entry.place.page for entry in found), default=0)
    if pages < min(len(book.sheets), SHEETS):  # a sheet that the workbook does not name
        yield from _unnamed(book.sheets, job, kind)
    left = [string for string in book.strings if " ".join(string.split()) not in shown]
    if left:
        yield Piece(place, "\n".join(left))


def _unnamed(sheets: Sequence[bytes], job: Job, kind: str) -> Iterator[Found]:
    """Yield all sheets as they stand: which of them the workbook leaves out is not asked."""
    for content in sheets:
        try:
            yield Piece(job.at(name=kind), "\n".join(xml_lines(content, job.budget)))
        except XmlRefused as refused:
            yield Unreadable(job.at(name=kind), str(refused))


def _looks(book: Workbook) -> dict[str, str]:
    """Return numbers as their formats show them (ECMA-376 part 1 section 18.8.31); empty when no format changes any."""
    text = book.styles.decode("utf-8", errors="replace")
    formats: dict[str, tuple[Mask, ...]] = {}
    for attributes in _FORMAT.findall(text):
        said = _attributes(attributes)
        if masks := masks_of(said.get("formatCode", "")):
            formats[said.get("numFmtId", "")] = masks
    looks = _LOOKS.search(text)
    end = _LOOKS_END.search(text, looks.end()) if looks else None
    if not formats or not looks or not end:
        return {}
    ids = [_attributes(look).get("numFmtId", "") for look in _LOOK.findall(text, looks.end(), end.start())]
    made: dict[str, str] = {}
    for content in book.sheets:
        for attributes, raw in _STYLED.findall(content):
            style = _STYLE.search(attributes)
            masks = formats.get(ids[int(style[1])], ()) if style and int(style[1]) < len(ids) else ()
            if masks and (number := _number(raw)) is not None:
                made[str(number)] = written(number, masks)
    return made


def _attributes(tag: str) -> dict[str, str]:
    return {key: html.unescape(double or single) for key, double, single in _FORMAT_OF.findall(tag)}


def _number(raw: bytes) -> int | None:
    try:
        number = float(raw)
    except ValueError:
        return None
    return int(number) if number.is_integer() and number < 1e15 else None


def read_cells(
    data: bytes, job: Job, kind: str, shown: set[str] | None = None, *, looks: Mapping[str, str] | None = None
) -> Iterator[Found]:
    """Yield the cells of a workbook, a sheet as a page.

    shown: filled with the words of all cells. looks: numbers that are shown in another way.
    """
    shown_as = looks or {}
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = workbook.sheet_names
        yield Piece(job.at(name=kind), "\n".join(names))
        for number, name in enumerate(names[:SHEETS], start=1):
            cells = workbook.get_sheet_by_name(name)
            rows = [[shown_as.get(word := _word(cell), word) for cell in row] for row in cells.iter_rows()]
            if shown is not None:
                shown.update(cell for row in rows for cell in row)
            grid = Grid(first_column=cells.start[1] if cells.start else 0)
            yield Piece(
                job.at(name=kind, page=number), "\n".join(sheet_lines(enumerate(rows, start=1), grid)), grid=grid
            )
        if len(names) > SHEETS:
            yield Unreadable(job.at(name=kind), f"there are more than {SHEETS} sheets")
    except PasswordError:
        yield Unreadable(job.at(name=kind), "the document is encrypted")
    except (CalamineError, OSError, ValueError):
        yield Unreadable(job.at(name=kind), "the spreadsheet is damaged")
    except BaseException as fault:
        if type(fault).__name__ != "PanicException":  # Rust's; no Exception, and its class cannot be imported
            raise
        yield Unreadable(job.at(name=kind), "the spreadsheet is damaged")


def _word(cell: Any) -> str:
    """Return a cell as people write it: no ".0" behind a number, no midnight behind a date."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return " ".join(str(cell).split())


def sheet_lines(rows: Iterable[tuple[int, list[str]]], grid: Grid) -> Iterator[str]:
    """Yield a line for each row that is not empty, and note its cells. rows: each with its number, from 1.

    The first row of several words after a row that is empty or a title is the header of those below it, if it looks
    like one; a title is a row of one cell.
    """
    header: list[str] = []
    may_begin = True
    for number, row in rows:
        filled = [column for column, cell in enumerate(row) if cell]
        is_head = len(filled) > 1 and may_begin and is_header(row)
        header = row if is_head else header
        may_begin = len(filled) < 2
        if may_begin or is_head or not header:
            yield from [bare([row[column] for column in filled], filled, number, grid)] if filled else []
        else:
            yield labelled(header, row, number, grid)


def _area(content: bytes) -> int:
    """Return how many cells lie between the first and the last of a worksheet part, at most.

    Rows and cells without a name stand one behind the other, from where the last name left off.
    """
    rows = _ROW.split(content)
    names = [(_column(letters), int(row)) for letters, row in _CELL.findall(content)]
    last_row = max((int(row) for row in _ROW_NAME.findall(content)), default=0)
    last_row = max(last_row, *(row for _, row in names), 0) + len(rows)
    last_column = max((column for column, _ in names), default=0)
    if len(_BARE_CELL.findall(content)) > len(names):
        last_column += max(len(_BARE_CELL.findall(row)) for row in rows)
    return last_row * max(last_column, 1)


def _column(letters: bytes) -> int:
    """Return the number of a column: A is 1, AA is 27 (ECMA-376 part 1 section 18.3.1.4)."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _around(content: bytes, budget: Budget) -> Iterator[str]:
    """Yield what a worksheet part says outside of its cells, and words in formulas. Raises: XmlRefused.

    Outside is everything: headers and footers, hints, links, filters, conditions, scenarios.
    """
    start = _DATA.search(content)
    end = content.find(b"</" + start[1] + b"sheetData>", start.end()) if start else -1
    inside = content[start.end() : end] if start and end >= 0 else b""
    rest = content[: start.end()] + content[end:] if inside and start else content
    if any(sign in inside for sign in _UNUSUAL):
        rest, inside = content, b""
    yield from (HEADER_CODES.sub(" ", line) if "&" in line else line for line in xml_lines(rest, budget))
    for formula in _FORMULA_WORDS.findall(inside.decode("utf-8", errors="replace")):
        yield from _QUOTED.findall(html.unescape(formula))
