"""`mailward break-glass`: treatment mail that cannot wait, and the review afterwards."""

from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, settings_option
from gateway.cli.registers import JSON, tell_rows
from gateway.config import Settings

COLUMNS: Final = ("at", "queue_id", "recipient", "by", "role", "rules", "why", "affiliation")
BY: Final = click.option("--by", required=True, metavar="ADDRESS", help="Who you are: your sign-in address.")
WHY: Final = click.option("--why", required=True, help="The reason; it is kept in the audit log.")


@click.group("break-glass")
@config_option
def break_glass() -> None:
    """Let treatment mail go now, protected; somebody reviews it afterwards."""


@break_glass.command()
@click.argument("queue_id", metavar="ID")
@click.option("--to", default="", metavar="ADDRESS", help="Only this recipient's copy.")
@click.option(
    "--affiliation",
    default="",
    help="Who receives it and where they work; needed for Part 2 records, with the emergency as --why (42 CFR 2.51).",
)
@BY
@WHY
@settings_option
def release(settings: Settings, *, queue_id: str, to: str, affiliation: str, by: str, why: str) -> None:
    """Release held mail now, whatever rules hold it and however many persons they ask for."""
    count = ask(settings, "glass.release", queue_id=queue_id.upper(), reason=why, to=to, by=by, affiliation=affiliation)
    click.echo(f"{count} recipient{'s' * (count != 1)} go on; this waits for a review")


@break_glass.command("list")
@JSON
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List uses that nobody has reviewed."""
    tell_rows(ask(settings, "glass.list"), COLUMNS, as_json=as_json)


@break_glass.command()
@click.argument("queue_id", metavar="ID")
@BY
@click.option("--why", required=True, help="What the review found; it is kept in the audit log.")
@settings_option
def review(settings: Settings, *, queue_id: str, by: str, why: str) -> None:
    """Write down what a second person found."""
    count = ask(settings, "glass.review", queue_id=queue_id.upper(), by=by, why=why)
    click.echo(f"reviewed: {count} recipient{'s' * (count != 1)}")
