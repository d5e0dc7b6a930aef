"""Text of delimited tables: one line a row, each value beside its column's header, as the detectors expect labels."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from policy.phi.grid import GAP, WIDE_GAP, Grid

ROWS: Final = 20_000
_DELIMITERS: Final = ",;\t|"
_VALUE_LIKE: Final = re.compile(r"\d{3}|@|^[\d.,$%/ -]+$")
_NEWLINE: Final = re.compile(r"\s*[\r\n\x85\u2028\u2029]+\s*")


def is_table(text: str) -> bool:
    """Tell whether a text without a label is a delimited table: three lines or more with the same delimiters."""
    lines = [line for line in text[:4000].split("\n")[:6] if line.strip()][:5]
    return len(lines) >= 3 and any(
        min(counts) >= 1 and max(counts) - min(counts) <= 1
        for counts in ([line.count(delimiter) for line in lines] for delimiter in ";\t|")
    )


def csv_text(text: str) -> tuple[str, Grid] | None:
    """Return a table as lines "header: value; header: value", or as plain rows when it has no header, and its cells.

    Returns None when the table cannot be read (a field beyond the limit of `csv`, or more than 20,000 rows).
    """
    sample = text[:4000].lstrip("\ufeff").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=sample.count)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        table = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
        for number, row in enumerate(table, start=1):
            cells = [_NEWLINE.sub(" ", cell).strip() for cell in row]
            if any(cells):
                rows.append(cells)
                numbers.append(number)
            if len(rows) > ROWS:
                return None
    except csv.Error:
        return None
    grid = Grid()
    header = rows[0] if len(rows) > 1 and is_header(rows[0]) else []
    lines = [
        bare(row, range(len(row)), number, grid) if not header or index == 0 else labelled(header, row, number, grid)
        for index, (number, row) in enumerate(zip(numbers, rows, strict=True))
    ]
    return "\n".join(lines), grid


def table_lines(rows: list[list[str]]) -> list[str]:
    """Return rows as lines: under a first row of labels each value beside its own, else as they stand."""
    if len(rows) < 2 or not is_header(rows[0]):
        return [" | ".join(row) for row in rows]
    return [" | ".join(rows[0]), *(labelled(rows[0], row) for row in rows[1:])]


def bare(row: Sequence[str], columns: Sequence[int], number: int, grid: Grid) -> str:
    """Return a row as it stands, and note its cells. columns: of each, from 0. number: of the row, from 1."""
    grid.add(number, columns, row, gap=WIDE_GAP)
    return " | ".join(row)


def labelled(header: list[str], row: list[str], number: int = 0, grid: Grid | None = None) -> str:
    """Return a row as "header: value; header: value"; empty cells are left out, cells beyond the header stand bare.

    grid: takes the cells of the line. number: of the row, from 1.
    """
    labels = [*(label.replace("_", " ") for label in header), *[""] * (len(row) - len(header))]
    pieces = [f"{label}: {cell}" if label else cell for label, cell in zip(labels, row, strict=False) if cell]
    if grid is not None:
        grid.add(number, [column for column, cell in enumerate(row) if cell], pieces, gap=GAP)
    return "; ".join(pieces)


def is_header(row: list[str]) -> bool:
    """Tell whether a row holds labels: words, no numbers of three digits, no addresses."""
    cells = [cell for cell in row if cell]
    return bool(cells) and not any(_VALUE_LIKE.search(cell) or len(cell) > 60 for cell in cells)
