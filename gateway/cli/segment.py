"""`mailward segment`: lists of recipients that bulk mail may name."""

import sys
from pathlib import Path
from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, fail, settings_option
from gateway.cli.registers import BY, JSON, WHY, tell_import, tell_rows
from gateway.config import Settings

COLUMNS: Final = ("name", "members", "recorded_at", "recorded_by")


@click.group()
@config_option
def segment() -> None:
    """Lists of recipients that bulk mail may name (X-Mailward-Segment)."""


@segment.command("import")
@click.argument("name")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE")
@BY
@JSON
@settings_option
def import_(settings: Settings, *, name: str, source: Path, by: str, as_json: bool) -> int:
    """Make or replace the segment NAME from FILE, or standard input (-): one address a line, all of them or none."""
    try:
        text = (sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        fail(f"{source} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{source} is not UTF-8, from byte {error.start + 1} on")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    answer = ask(settings, "segment.import", name=name, addresses=lines, by=by)
    return tell_import(answer, what="addresses", is_rehearsal=False, as_json=as_json)


@segment.command("list")
@JSON
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List them, with how many are on each."""
    tell_rows(ask(settings, "segment.list"), COLUMNS, as_json=as_json)


@segment.command()
@click.argument("name")
@WHY
@BY
@settings_option
def drop(settings: Settings, *, name: str, why: str, by: str) -> None:
    """Forget one; mail that names it is held from then on."""
    ask(settings, "segment.drop", name=name, by=by, why=why)
    click.echo(f"segment {name} is forgotten")
