"""Tables that were pasted into a text out of a spreadsheet: a tab between two cells, a line a row.

How this works: lines that follow each other with tabs in them are a block. Where its first line is a head, as some of
its words say, each cell below gets its label as in an attached table (`text_csv`); lines stay lines, so places are told
as before. A block with a label at the head of each line ("DOB<tab>1960") is none: those read well as they stand.
"""

from collections.abc import Sequence
from typing import Final

from policy.phi.columns import WORDS
from policy.phi.text_csv import is_header, labelled

_MORE_HEADS: Final = """
    name, full name, first name, last name, given name, surname, diagnosis, dx, icd-10, icd10, medication, drug, test
    result, lab, procedure, provider, admitted, discharged, date of service, dos, visit date, phone, address, email"""
_HEADS: Final = WORDS | {head.strip() for head in _MORE_HEADS.replace("\n", ",").split(",") if head.strip()}
_QUOTE: Final = "> "


def tab_tables(text: str) -> str:
    """Return the text with such tables labelled; as it was without any. text: lines end with a line feed. Linear."""
    if "\t" not in text:
        return text
    lines = text.split("\n")
    start = 0
    for at in range(len(lines) + 1):
        if at == len(lines) or "\t" not in lines[at]:
            if at - start > 1:
                lines[start:at] = _block(lines[start:at])
            start = at + 1
    return "\n".join(lines)


def _block(lines: Sequence[str]) -> Sequence[str]:
    """Label the rows of one block, or return it as it is."""
    rows = [[cell.strip() for cell in line.lstrip(_QUOTE).rstrip("\t ").split("\t")] for line in lines]
    head, below = rows[0], rows[1:]
    if not _is_head(head) or any(_word(row[0]) in _HEADS or len(row) > len(head) for row in below):
        return lines
    quotes = [line[: len(line) - len(line.lstrip(_QUOTE))] for line in lines]
    labels = [cell.strip(" .:#*") for cell in head]
    return [lines[0], *(quote + labelled(labels, row) for quote, row in zip(quotes[1:], below, strict=True))]


def _is_head(row: list[str]) -> bool:
    """Whether a first line is a head: labels only, two known ones or one beside others of three."""
    known = sum(_word(cell) in _HEADS for cell in row)
    return is_header(row) and all(row) and (known > 1 or (known == 1 and len(row) > 2))


def _word(cell: str) -> str:
    return cell.lower().strip(" .:#*")
