"""Delimited tables to labelled lines."""

import pytest

from policy.phi.normalise import normalise
from policy.phi.text_csv import ROWS, csv_text, is_table


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("MRN,Dx\r\n0044,E11.9\r\n", ["MRN | Dx", "MRN: 0044; Dx: E11.9"]),
        ("\ufeffMRN;Dx\n0044;E11.9\n", ["MRN | Dx", "MRN: 0044; Dx: E11.9"]),
        ("MRN\tDx\n0044\tE11.9\n", ["MRN | Dx", "MRN: 0044; Dx: E11.9"]),
        ('Name|Dx\n"Barlow, W"|gout\n', ["Name | Dx", "Name: Barlow, W; Dx: gout"]),
        ("00448812,gout\n00448813,asthma\n", ["00448812 | gout", "00448813 | asthma"]),
        ("MRN,Dx\n0044,E11.9,extra\n", ["MRN | Dx", "MRN: 0044; Dx: E11.9; extra"]),
        ("MRN,Dx\n0044,\n", ["MRN | Dx", "MRN: 0044"]),
        ('Note,Dx\n"two\nlines",gout\n', ["Note | Dx", "Note: two lines; Dx: gout"]),
        ("", []),
    ],
)
def test_rows_are_labelled(table: str, lines: list[str]) -> None:
    """Each value stands beside its header; a table without headers is plain rows."""
    read = csv_text(table)
    assert read is not None
    assert read[0] == "\n".join(lines)


@pytest.mark.parametrize("table", ["a,b\n" * (ROWS + 2), 'a,b\n"' + "x" * 200_000])
def test_what_cannot_be_read_is_none(table: str) -> None:
    """Too many rows, or a field beyond the reader's limit: the caller calls it uninspectable."""
    assert csv_text(table) is None


@pytest.mark.parametrize(
    ("table", "line", "word", "cell"),
    [
        ("MRN,Dx\r\n0044,E11.9\r\n", 2, "0044", "A2"),
        ("MRN,Dx\r\n0044,E11.9\r\n", 2, "E11.9", "B2"),
        ("MRN,Dx\r\n0044,E11.9\r\n", 1, "Dx", "B1"),
        ("00448812,,gout\n00448813,,asthma\n", 2, "asthma", "C2"),
        ("MRN,Dx\n\n,\n0044,\n0045,flu\n", 3, "flu", "B5"),  # lines of the text have no empty rows
        ('Note,Dx\n"two\nlines",gout\n0045,flu\n', 3, "flu", "B3"),  # a spreadsheet counts rows, not lines
        ("Note,Dx\nx\u00adyz \uff11\u0301 \u2028 w,flu\n", 2, "flu", "B2"),  # shorter when normalised
        ("MRN,Dx\n0044,E11.9,\U000e0fff,extra\n", 2, "extra", "D2"),
    ],
)
def test_cells_are_told(table: str, line: int, word: str, cell: str) -> None:
    """Every place in the text knows the cell that it came from, as a spreadsheet would call it."""
    read = csv_text(table)
    assert read is not None
    shown = normalise(read[0]).split("\n")[line - 1]
    assert read[1].cell_at(line, shown.index(word)) == cell
    assert read[1].cell_at(line, shown.index(word) + len(word) - 1) == cell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b\nc|d\ne|f\n", True),
        ("a;b\nc;d\ne;f\n", True),
        ("Hello; I write\nto you.\nThanks", False),
        ("one line", False),
    ],
)
def test_tables_are_recognised(text: str, expected: bool) -> None:
    """Three lines with the same delimiters."""
    assert is_table(text) is expected
