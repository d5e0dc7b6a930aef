"""The table at the end of the demonstration: seven columns, or four with two lines each on a narrow terminal."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from gateway.demo import steps, words
from gateway.demo.letters import Way
from gateway.demo.rows import Row

WIDE: Final = 110  # columns of a terminal that the wide table needs

STYLES: Final = {
    Way.VERIFIED_TLS: "green",
    Way.SMIME: "green",
    Way.OPENPGP: "green",
    Way.PORTAL_CODE: "cyan",
    Way.PORTAL_PIN: "cyan",
    Way.UNVERIFIED_TLS: "default",
    Way.CLEAR: "default",
    Way.HELD: "yellow",
    Way.REFUSED: "yellow",
}


class Column(NamedTuple):
    """A heading, the cell below it for a row, its share of the width; of the message: every recipient has the same."""

    title: str
    cell: Callable[[Row], Text]
    ratio: int
    is_of_message: bool = False


def _message(row: Row) -> Text:
    return Text(row.letter.title)


def _recipient(row: Row) -> Text:
    local, _, domain = row.recipient.rpartition("@")
    return Text(f"{local}\n@{domain}")


def _found(row: Row) -> Text:
    return Text(words.found(row))


def _decided(row: Row) -> Text:
    return Text(words.decided(row), style="" if row.is_protected else "dim")


def _left(row: Row) -> Text:
    why = words.reason(row)
    style = STYLES[row.way] if row.way is row.promised else "bold red"
    return Text.assemble((words.left(row), style), (f"\n({why})" if why else "", "dim"))


def _proof(row: Row) -> Text:
    return Text(words.proof(row))


def _audit(row: Row) -> Text:
    return Text(str(row.seq) if row.seq >= 0 else "")


def _both(first: Callable[[Row], Text], second: Callable[[Row], Text], glue: str) -> Callable[[Row], Text]:
    return lambda row: Text.assemble(first(row), glue, second(row))


WIDE_COLUMNS: Final = (
    Column("message", _message, 13, is_of_message=True),
    Column("recipient", _recipient, 19),
    Column("found", _found, 19, is_of_message=True),
    Column("decided", _decided, 16),
    Column("left by", _left, 18),
    Column("proof", _proof, 19),
    Column("audit", _audit, 5),
)
NARROW_COLUMNS: Final = (
    Column("message, recipient", _both(_message, _recipient, "\n"), 20),
    Column("found, decided", _both(_found, _decided, "\n"), 19),
    Column("left by", _left, 16),
    Column("proof, audit", _both(_proof, _audit, "\naudit "), 18),
)


def table(rows: Sequence[Row], *, width: int, is_terminal: bool) -> Table:
    """One line or more for each recipient; a message's name and findings stand at its first one in the wide table."""
    columns = WIDE_COLUMNS if width >= WIDE else NARROW_COLUMNS
    shown = Table(
        box=box.SIMPLE_HEAD if is_terminal else None,
        width=width,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0) if is_terminal else (0, 2, 0, 0),
        header_style="bold",
        leading=0 if columns is WIDE_COLUMNS else 1,
    )
    for column in columns:
        shown.add_column(column.title, ratio=column.ratio, overflow="fold")
    before = None
    for row in rows:
        is_same = row.sent is before
        shown.add_row(*(Text() if is_same and column.is_of_message else column.cell(row) for column in columns))
        before = row.sent
    return shown


def climbs(rows: Sequence[Row]) -> Text:
    """What did not leave by the first way tried: a line for each step, with the event that proves it."""
    told = [row for row in rows if steps.has_climbed(row.steps)]
    lines = [Text("step by step, what did not leave by the first way", style="bold")] if told else []
    for row in told:
        lines.append(Text(f"{row.letter.title} to {row.recipient}"))
        lines += [Text(f"  {steps.line(step)}", style="" if step is row.steps[-1] else "dim") for step in row.steps]
    return Text("\n").join(lines)


def legend(*, width: int) -> Table:
    """What the words of the table mean."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(max_width=width - 12)
    for word, text in words.LEGEND:
        grid.add_row(word, text)
    return grid
