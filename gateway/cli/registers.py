"""What the commands of the registers share: reading a file of rows, and telling what came of it."""

import csv
import getpass
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, fail, print_json, print_table, printable, settings_option
from gateway.config import Settings

BY: Final = click.option(
    "--by", default=getpass.getuser, metavar="NAME", help="Who records it.  [default: your login name]"
)
WHY: Final = click.option("--why", required=True, help="Why; it is kept in the audit log.")
JSON: Final = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
JSON_ARRAY: Final = click.option("--json", "as_json", is_flag=True, help="A JSON array instead of CSV.")
FILE: Final = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Only say what is wrong with it.")


def read_rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header line, or of a JSON array of objects. Raises: Failure."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
        rows: Any = json.loads(text) if text.lstrip().startswith("[") else list(csv.DictReader(text.splitlines()))
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as why:
        fail(f"{file}: neither CSV nor a JSON array: {why}")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or None in row or None in row.values():
            fail(f"{file}: row {number}: its values do not fit the columns")
    found: list[dict[str, str]] = rows
    return found


def tell_import(answer: Mapping[str, Any], *, what: str, is_rehearsal: bool, as_json: bool) -> int:
    """Print what came of an import. Returns: the exit status."""
    faults = answer["faults"]
    if as_json:
        print_json(answer)
    for number, why in [] if as_json else faults:
        click.echo(printable(f"row {number}: {why}"), err=True)
    if faults:
        if not as_json:
            click.echo("Nothing was recorded.", err=True)
        return Status.PROBLEM
    if not as_json:
        click.echo(f"{answer['count']} {what} {'are right' if is_rehearsal else 'recorded'}")
    return Status.DONE


def held(counts: Mapping[str, int]) -> str:
    """What became of mail in the queue, to be said behind a sentence."""
    busy = f"; of {counts['busy']} on their way already nothing could be called back" if counts["busy"] else ""
    return (f"; {counts['held']} in the queue held" if counts["held"] else "") + busy


def tell_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as a table or as JSON."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table([[_cell(row[column]) for column in columns] for row in rows], columns)


def tell_export(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print rows as an import takes them: CSV with a header line, or a JSON array.

    columns: of the file, each with the member of a row that it comes from.
    """
    texts = [{column: printable(str(_cell(row[member]) or "")) for column, member in columns.items()} for row in rows]
    if as_json:
        print_json(texts)
        return
    file = io.StringIO()
    writer = csv.DictWriter(file, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(texts)
    click.echo(file.getvalue(), nl=False)


def export_command(register: str, columns: Mapping[str, str], *, until: str, what: str) -> click.Command:
    """`export` of a register. until: the member of a row that says since when it no longer counts. what: is written."""

    @click.command("export", help=f"Write what {what}, as `import` takes it.")
    @JSON_ARRAY
    @settings_option
    def export(settings: Settings, *, as_json: bool) -> None:
        standing = [row for row in ask(settings, f"{register}.list") if not row[until]]
        tell_export(standing, columns, as_json=as_json)

    return export


def import_command(register: str, *, what: str, columns: str) -> click.Command:
    """`import` into a register. what: its rows are called. columns: of the file, for people.

    An option that is added to it goes to the register by its name.
    """

    @click.command("import", help=f"Record the rows of FILE, CSV or a JSON array: all or none.\n\nColumns: {columns}.")
    @FILE
    @DRY_RUN
    @BY
    @JSON
    @settings_option
    def import_(settings: Settings, /, *, file: Path, dry_run: bool, by: str, as_json: bool, **more: bool) -> int:
        answer = ask(settings, f"{register}.import", rows=read_rows(file), by=by, is_rehearsal=dry_run, **more)
        return tell_import(answer, what=what, is_rehearsal=dry_run, as_json=as_json)

    return import_


def _cell(value: object) -> object:
    match value:
        case list():
            return " ".join(value) or None
        case bool():
            return "yes" if value else "no"
        case _:
            return value or None
