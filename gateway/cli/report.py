"""`mailward report`: what happened, for those who have to answer for it."""

from datetime import UTC, datetime

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.cli.report_keys import keys
from gateway.cli.report_registers import baa, consent, disclosures
from gateway.cli.report_tls import tls
from gateway.config import Settings
from gateway.config.values import parse_duration


@click.group()
@config_option
def report() -> None:
    """Reports: mail of a login, TLS of other domains, keys that end, consents, agreements, disclosures."""


@report.command()
@click.option("--login", required=True, help="A person's address, or the name of a credential.")
@click.option("--since", default="24h", show_default=True, metavar="DURATION", help="How far to look back.")
@click.option("--all", "everything", is_flag=True, help="Also what is held or was rejected.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@settings_option
def sent(settings: Settings, *, login: str, since: str, everything: bool, as_json: bool) -> None:
    """List what got out with one login, or is on its way out."""
    try:
        start = datetime.now(UTC) - parse_duration(since)
    except ValueError as why:
        fail(str(why), Status.USAGE)
    found = ask(settings, "report.sent", login=login, since=start.isoformat(), everything=everything)
    if found["is_cut"]:
        click.echo("mailward: the list is cut; there is more after its end", err=True)
    if as_json:
        for row in found["recipients"]:
            print_json(row)
        return
    columns = ("received_at", "queue_id", "state", "protected", "recipient")
    print_table(
        [[row[column] for column in columns] for row in found["recipients"]],
        ("received", "id", "state", "protected", "to"),
    )


for command in (keys, tls, consent, baa, disclosures):
    report.add_command(command)
