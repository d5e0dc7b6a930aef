"""`mailward decision`: what was wrong with decisions of the past; `mailward explain ID` shows them."""

from datetime import UTC, datetime
from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, settings_option
from gateway.cli.registers import BY, JSON, WHY, tell_rows
from gateway.config import Settings
from gateway.config.values import parse_duration
from policy.decision import Action

COLUMNS: Final = ("at", "queue_id", "recipient", "action", "by", "why")


@click.group()
@config_option
def decision() -> None:
    """Corrections of past decisions, and labels made of them."""


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


@decision.command("export-labels")
@click.option("--since", default="30d", show_default=True, metavar="DURATION", help="How far to look back.")
@click.option("--until", default="0d", show_default=True, metavar="DURATION", help="How long ago to stop looking.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 1000), help="The newest so many.")
@WHY
@BY
@settings_option
def export_labels(settings: Settings, *, since: str, until: str, limit: int, why: str, by: str) -> None:
    """Write what was held, released, rejected or corrected as labels, one JSON object a message.

    What was found in a message is masked, and no more of it is given; docs/classification.md says what a label has.
    """
    now = datetime.now(UTC)
    try:
        begin, end = now - parse_duration(since), now - parse_duration(until)
    except ValueError as wrong:
        fail(str(wrong), Status.USAGE)
    times = {"since": begin.isoformat(), "until": end.isoformat()}
    answer = ask(settings, "decision.export_labels", **times, limit=limit, by=by, why=why)
    for row in answer["labels"]:
        print_json(row)
    if answer["unreadable"]:
        click.echo(f"mailward: records of {answer['unreadable']} messages cannot be opened", err=True)
    if answer["is_cut"]:
        click.echo("mailward: there are older ones; go on with --until", err=True)
