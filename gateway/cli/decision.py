"""`mailward decision`: what was wrong with decisions of the past; `mailward explain ID` shows them."""

from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, settings_option
from gateway.cli.registers import BY, JSON, tell_rows
from gateway.config import Settings
from policy.decision import Action

COLUMNS: Final = ("at", "queue_id", "recipient", "action", "by", "why")


@click.group()
@config_option
def decision() -> None:
    """Corrections of past decisions."""


@decision.command()
@click.argument("queue_id", metavar="ID")
@click.option("--to", "recipient", required=True, metavar="ADDRESS", help="Of which recipient's copy.")
@click.option(
    "--action", default="", type=click.Choice(["", *(one.value for one in Action)]),
    help="What it should have been.  [default: it was right, and its reason was not]",
)  # fmt: skip
@click.option("--why", required=True, help="What was wrong; kept sealed.")
@BY
@settings_option
def correct(settings: Settings, *, queue_id: str, recipient: str, action: str, why: str, by: str) -> None:
    """Append what was wrong with a decision. The record itself is never changed."""
    made = ask(
        settings, "decision.correct", queue_id=queue_id.upper(), recipient=recipient, action=action, why=why, by=by
    )
    click.echo(f"recorded as {made}")


@decision.command("list")
@JSON
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List all corrections."""
    tell_rows(ask(settings, "decision.list"), COLUMNS, as_json=as_json)
