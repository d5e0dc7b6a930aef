"""Text of delimited tables: one line a row, each value beside its column's header, as the detectors expect labels."""

import csv
import io
import re
from typing import Final

ROWS: Final = 20_000
_DELIMITERS: Final = ",;\t|"
_VALUE_LIKE: Final = re.compile(r"\d{3}|@|^[\d.,$%/ -]+$")
_NEWLINE: Final = re.compile(r"\s*[\r\n]+\s*")


def is_table(text: str) -> bool:
    """Tell whether a text without a label is a delimited table: three lines or more with the same delimiters."""
    lines = [line for line in text[:4000].split("\n")[:6] if line.strip()][:5]
    return len(lines) >= 3 and any(
        min(counts) >= 1 and max(counts) - min(counts) <= 1
        for counts in ([line.count(delimiter) for line in lines] for delimiter in ";\t|")
    )


def csv_text(text: str) -> str | None:
    """Return a table as lines "header: value; header: value", or as plain rows when it has no header.

    Returns None when the table cannot be read (a field beyond the limit of `csv`, or more than 20,000 rows).
    """
    sample = text[:4000].lstrip("\ufeff").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=sample.count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter):
            cells = [_NEWLINE.sub(" ", cell).strip() for cell in row]
            if any(cells):
                rows.append(cells)
            if len(rows) > ROWS:
                return None
    except csv.Error:
        return None
    return "\n".join(table_lines(rows))


def table_lines(rows: list[list[str]]) -> list[str]:
    """Return rows as lines: under a first row of labels each value beside its own, else as they stand."""
    if len(rows) < 2 or not is_header(rows[0]):
        return [" | ".join(row) for row in rows]
    return [" | ".join(rows[0]), *(labelled(rows[0], row) for row in rows[1:])]


def labelled(header: list[str], row: list[str]) -> str:
    """Return a row as "header: value; header: value"; empty cells are left out, cells beyond the header stand bare."""
    labels = [*(label.replace("_", " ") for label in header), *[""] * (len(row) - len(header))]
    return "; ".join(f"{label}: {cell}" if label else cell for label, cell in zip(labels, row, strict=False) if cell)


def is_header(row: list[str]) -> bool:
    """Tell whether a row holds labels: words, no numbers of three digits, no addresses."""
    cells = [cell for cell in row if cell]
    return bool(cells) and not any(_VALUE_LIKE.search(cell) or len(cell) > 60 for cell in cells)
