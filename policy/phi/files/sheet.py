"""Cells of spreadsheets through calamine, hidden sheets too: a line a row, each value beside its column's label.

calamine makes a rectangle of all cells from the first to the last, so two cells at opposite corners would cost
gigabytes: how large it would be is found out first, and a sheet beyond the limit is not given to it (AB-07).
"""

import datetime
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from policy.phi.files.found import Found, Job, Piece, Unreadable
from policy.phi.text_csv import is_header, labelled

CELLS: Final = 1_000_000  # of the rectangle around all cells of one sheet
SHEETS: Final = 200
_CELL: Final = re.compile(rb"<(?:\w{1,20}:)?c\b[^<>]{0,200}?\br=[\"']([A-Za-z]{1,4})([0-9]{1,9})[\"']")
_BARE_CELL: Final = re.compile(rb"<(?:\w{1,20}:)?c[\s/>]")
_ROW: Final = re.compile(rb"<(?:\w{1,20}:)?row\b")
_ROW_NAME: Final = re.compile(rb"<(?:\w{1,20}:)?row\b[^<>]{0,300}?\br=[\"']([0-9]{1,9})[\"']")
_AROUND: Final = re.compile(
    r"<(?:\w{1,20}:)?(?:odd|even|first)(?:Header|Footer)>([^<]{1,2000})<"
    r"|\b(?:prompt|promptTitle|error|errorTitle|tooltip|display)=\"([^\"<>]{1,500})\""
)
_FORMULA_WORDS: Final = re.compile(r"<(?:\w{1,20}:)?(?:f|formula1|formula2)\b[^<>]{0,200}>([^<]{1,2000})<")
_QUOTED: Final = re.compile(r"&quot;(.{2,200}?)&quot;|\"([^\"]{2,200})\"")
_CODES: Final = re.compile(
    r"&amp;(?:[LCRPNDTFABGUEXYZISHO]|&amp;|\"[^\"]{0,80}\"|&quot;[^&]{0,80}&quot;|K[0-9A-F]{6}|\d{1,3})"
)
_TOO_LARGE: Final = "a sheet is larger than is read"


def read_workbook(data: bytes, sheets: Sequence[bytes], strings: Sequence[str], job: Job, kind: str) -> Iterator[Found]:
    """Yield the cells of an XLSX, what stands around them, and strings that no cell shows any more.

    data: the file. sheets: its worksheet parts; strings: its shared strings.
    """
    place = job.at(name=kind)
    around = [line for content in sheets for line in _around(content.decode("utf-8", errors="replace"))]
    if around:
        yield Piece(place, "\n".join(around))
    if any(_area(content) > CELLS for content in sheets):
        yield Unreadable(place, _TOO_LARGE)
        yield Piece(place, "\n".join(strings))
        return
    shown: set[str] = set()
    yield from read_cells(data, job, kind, shown)
    left = [string for string in strings if " ".join(string.split()) not in shown]
    if left:
        yield Piece(place, "\n".join(left))


def read_cells(data: bytes, job: Job, kind: str, shown: set[str] | None = None) -> Iterator[Found]:
    """Yield the cells of a workbook, a sheet as a page. shown: filled with the words of all cells."""
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = workbook.sheet_names
        yield Piece(job.at(name=kind), "\n".join(names))
        for number, name in enumerate(names[:SHEETS], start=1):
            rows = [[_word(cell) for cell in row] for row in workbook.get_sheet_by_name(name).iter_rows()]
            if shown is not None:
                shown.update(cell for row in rows for cell in row)
            yield Piece(job.at(name=kind, page=number), "\n".join(sheet_lines(rows)))
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


def sheet_lines(rows: Iterable[list[str]]) -> Iterator[str]:
    """Yield a line for each row that is not empty.

    The first row of several words after a row that is empty or a title is the header of those below it, if it looks
    like one; a title is a row of one cell.
    """
    header: list[str] = []
    may_begin = True
    for row in rows:
        filled = [cell for cell in row if cell]
        if len(filled) < 2:
            may_begin = True
            yield from filled
        elif may_begin and is_header(row):
            header, may_begin = row, False
            yield " | ".join(filled)
        else:
            may_begin = False
            yield labelled(header, row) if header else " | ".join(filled)


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


def _around(text: str) -> Iterator[str]:
    """Yield headers and footers of a sheet, hints at its cells, and words in its formulas."""
    for printed, hint in _AROUND.findall(text):
        yield _CODES.sub(" ", printed) if printed else hint
    for formula in _FORMULA_WORDS.findall(text):
        yield from (coded or plain for coded, plain in _QUOTED.findall(formula))
