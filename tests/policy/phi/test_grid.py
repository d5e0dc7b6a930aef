"""Cells of sheets, as findings name them."""

from email.message import EmailMessage

import pytest

from policy.phi.classify import classify_message
from policy.phi.grid import Grid, letters
from policy.phi.report import Kind, Place, Report
from policy.phi.text import Source, Text
from tests.policy.phi.files.make import NUMBER, sheet, xlsx

HEAD = ["Name", "Seen", "Result", "SSN"]


def report(data: bytes, kind: str, name: str) -> Report:
    """Classify a letter with one file."""
    message = EmailMessage()
    message["From"] = "Front Desk <desk@clinic.example>"
    message["Subject"] = "List"
    message.set_content("The list is attached.\n")
    main, _, sub = kind.partition("/")
    message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return classify_message(bytes(message))


def places(report: Report, kind: Kind) -> list[str]:
    """Where findings of a kind are, in words."""
    return [str(finding.place) for finding in report.findings if finding.kind is kind]


@pytest.mark.parametrize(("column", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_columns_have_letters(column: int, name: str) -> None:
    """ECMA-376 part 1 section 18.3.1.4."""
    assert letters(column) == name


def test_what_no_line_holds_has_no_cell() -> None:
    """A line behind the last, or of no cells; behind the last cell of a line it is still that one."""
    grid = Grid()
    grid.add(7, [1, 3], ["ab", "cd"], gap=2)
    grid.add(9, [], [], gap=2)
    assert [grid.cell_at(1, offset) for offset in (0, 3, 4, 60)] == ["B7", "B7", "D7", "D7"]
    assert [grid.cell_at(line, 0) for line in (0, 2, 3)] == ["", "", ""]
    assert repr(grid) == "Grid(2 lines, 2 cells)"


def test_finding_in_a_csv_names_its_cell() -> None:
    """A row is found although lines of 60 characters and more are joined for the detectors."""
    rows = [",".join(HEAD), "Jane Roe,2025-04-02,hemoglobin a1c 9.1 and type 2 diabetes mellitus,412-55-7811"] * 2
    data = "\n".join([*rows, "", f"John Roe,2025-04-02,type 2 diabetes mellitus without complications,{NUMBER}", ""])
    found = places(report(data.encode(), "text/csv", "list.csv"), Kind.SSN)
    assert found == ["part 2 (text/csv), cell D2", "part 2 (text/csv), cell D6"]


def test_finding_in_a_workbook_names_sheet_and_cell() -> None:
    """Sheets that are hidden count; columns before the first that is used do too."""
    empty = [["", "", "", "", ""]] * 3
    book = xlsx(
        sheet([["Prices"], ["none"]]),
        sheet([*empty, ["", *HEAD], ["", "Jane Roe", "2025-04-02", "type 2 diabetes", NUMBER]]),
        states=("visible", "hidden"),
    )
    found = places(report(book, "application/octet-stream", "a.bin"), Kind.SSN)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert found == [f"part 2 ({kind}), sheet 2, cell E5"]


def test_line_is_that_of_the_text_although_lines_are_joined() -> None:
    """Lines that a program wrapped are joined for the detectors, yet a finding is where its reader sees it."""
    wrapped = "The patient was seen in the clinic again and is doing rather well now\n" * 3
    message = f"Subject: x\n\n> {wrapped}> SSN {NUMBER}, type 2 diabetes\n"
    assert places(classify_message(message.encode()), Kind.SSN) == ["part 1 (text/plain), line 4"]


def test_pieces_of_a_text_tell_the_same_places() -> None:
    """A text that is examined in pieces, cut inside a line too, says of each character what the whole one says."""
    grid = Grid()
    cells = [f"{number:04} " + "x" * 40 for number in range(60)]
    for row in (1, 2, 5):
        grid.add(row, range(60), cells, gap=2)
    content = "\n".join(["; ".join(cells)] * 3)
    text = Text(Place(part="2"), Source.ATTACHMENT, content, grid=grid)
    start = 0
    for piece in text.joined(lambda joined: joined.replace("\n", " ")).pieces(1000):
        for offset in range(0, len(piece.content), 7):
            assert piece.place_at(offset) == text.place_at(start + offset)
        start += len(piece.content)
    assert start == len(content)
