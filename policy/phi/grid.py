"""Which cell of a sheet each stretch of its text came from: the text has a line for a row, a piece of it for a cell."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from policy.phi.normalise import normalise

GAP: Final = 2  # characters between two cells of a line that is labelled: "; "
WIDE_GAP: Final = 3  # of one that is not: " | "


class Grid:
    """Rows of a sheet, line by line, as its text shows them. Four numbers a row and two a cell, and no text."""

    def __init__(self, *, first_column: int = 0) -> None:
        """first_column: what column 0 of the rows is in the sheet, from 0."""
        self._first_column = first_column
        self._rows = array("L")  # of each line, from 1
        self._firsts = array("L")  # where the cells of each line begin in the two below
        self._columns = array("L")  # of each cell, from 0
        self._ends = array("L")  # offset in the line behind each cell, and what parts it from the next

    def __repr__(self) -> str:
        return f"Grid({len(self._rows)} lines, {len(self._columns)} cells)"

    def add(self, row: int, columns: Sequence[int], pieces: Sequence[str], *, gap: int) -> None:
        """Take the next line. row: from 1. columns: from 0. pieces: what each cell became. gap: between them."""
        self._rows.append(row)
        self._firsts.append(len(self._columns))
        self._columns.extend(columns)
        self._ends.extend(accumulate(_length(piece) + gap for piece in pieces))

    def cell_at(self, line: int, offset: int) -> str:
        """Return the cell at a place of the normalised text: line from 1, offset in it from 0; "" when it has none."""
        if not 1 <= line <= len(self._rows):
            return ""
        first = self._firsts[line - 1]
        last = self._firsts[line] if line < len(self._firsts) else len(self._columns)
        if first == last:
            return ""
        cell = bisect_right(self._ends, offset, first, last)
        return f"{letters(self._first_column + self._columns[min(cell, last - 1)])}{self._rows[line - 1]}"


def _length(piece: str) -> int:
    """Return how long a piece is when normalised, without doing so where nothing can change."""
    return len(piece) if piece.isascii() and piece.isprintable() else len(normalise(piece))


def letters(column: int) -> str:
    """Return the name of a column, counted from 0: A, Z, AA (ECMA-376 part 1 section 18.3.1.4)."""
    name, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name
