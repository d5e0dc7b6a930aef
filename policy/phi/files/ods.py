"""Sheets of OpenDocument: a line a row, each value beside its column's label, and which cell it came from.

How this works: empty cells and rows are written once with how often they stand there, so where a cell is has to be
counted. Everything else of the part is read as in any other (`xml_walk`), notes in a cell as its words.
Source: OASIS ODF 1.3 part 3, sections 9.1.2 to 9.1.4, 19.675 and 19.677.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from policy.phi.files.found import Budget, Found, Job, Piece, Unreadable
from policy.phi.files.sheet import CELLS, SHEETS, TOO_LARGE, sheet_lines
from policy.phi.files.xml_walk import Frame, Walk, XmlRefused, walked
from policy.phi.grid import Grid

SPREADSHEET: Final = b":spreadsheet"
_COLUMNS, _ROWS = 16_384, 1_048_576  # of LibreOffice and Excel; what repeats more often is no place of a cell


@dataclass(slots=True)
class _Sheet:
    """Rows that have words: number of each, from 1, and its cells by column, from 0."""

    rows: list[tuple[int, dict[int, str]]] = field(default_factory=list)
    height: int = 0
    row: dict[int, str] = field(default_factory=dict)
    width: int = 0


class _Sheets(Walk):
    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.sheets: list[_Sheet] = [_Sheet()]

    @property
    def _is_sheet(self) -> bool:
        """Whether what closes is a cell or a row of a sheet, not of a table in one."""
        return sum(1 for frame in self.stack if frame.name.endswith(" table")) == 1

    def cell(self, top: Frame, under: Frame) -> None:
        if not self._is_sheet:
            super().cell(top, under)
            return
        sheet = self.sheets[-1]
        if words := " ".join(top.lines):
            sheet.row[sheet.width] = words
        sheet.width += _times(top, _COLUMNS)

    def row(self, top: Frame, under: Frame) -> None:
        if not self._is_sheet:
            super().row(top, under)
            return
        sheet = self.sheets[-1]
        if sheet.row:
            sheet.rows.append((sheet.height + 1, sheet.row))
        sheet.height += _times(top, _ROWS)
        sheet.row, sheet.width = {}, 0
        under.lines += top.lines

    def table(self, top: Frame, under: Frame) -> None:
        if len(self.stack) > 1:
            super().table(top, under)
            return
        under.lines += top.lines
        self.sheets.append(_Sheet())


def read_sheets(content: bytes, job: Job, kind: str) -> Iterator[Found]:
    """Yield the cells of a spreadsheet's content, a sheet as a page, and what else stands in it."""
    walk = _Sheets(job.budget)
    place = job.at(name=kind)
    try:
        around = walked(content, walk)
    except XmlRefused as refused:
        yield Unreadable(place, str(refused))
        return
    for page, sheet in enumerate(walk.sheets, start=1):
        if sheet.row:  # cells outside of a row
            around += sheet.row.values()
        if page > SHEETS or sum(max(cells) + 2 for _, cells in sheet.rows) > CELLS:
            yield Unreadable(place, TOO_LARGE)
            around += (" | ".join(cells.values()) for _, cells in sheet.rows)
            continue
        grid = Grid()
        lines = list(sheet_lines(_rows(sheet), grid))
        yield from [Piece(job.at(name=kind, page=page), "\n".join(lines), grid=grid)] if lines else []
    if around:
        yield Piece(place, "\n".join(around))


def _rows(sheet: _Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, and one that is empty where some are."""
    last = 0
    for number, cells in sheet.rows:
        if number > last + 1:
            yield number - 1, []
        yield number, [cells.get(column, "") for column in range(max(cells) + 1)]
        last = number


def _times(frame: Frame, most: int) -> int:
    said = frame.repeat
    times = int(said) if len(said) <= 7 and said.isascii() and said.isdigit() else 1
    return times if times <= most else 1
