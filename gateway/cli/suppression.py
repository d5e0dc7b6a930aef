"""`mailward suppression`: addresses that bulk, marketing and fundraising mail does not go to."""

from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, print_json, print_table, settings_option
from gateway.config import Settings

WHY: Final = click.option("--why", required=True, help="Why; it is kept in the audit log.")
COLUMNS: Final = ("address", "reason", "status", "since", "queue_id", "why")


@click.group()
@config_option
def suppression() -> None:
    """Addresses that bulk mail does not go to."""


@suppression.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List them: who put them there, and when."""
    rows = ask(settings, "suppression.list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table([[row[column] for column in COLUMNS] for row in rows], COLUMNS)


@suppression.command()
@click.argument("address")
@WHY
@settings_option
def add(settings: Settings, *, address: str, why: str) -> None:
    """Put an address on the list."""
    ask(settings, "suppression.add", address=address, why=why)
    click.echo(f"{address} gets no bulk mail")


@suppression.command()
@click.argument("address")
@WHY
@settings_option
def remove(settings: Settings, *, address: str, why: str) -> None:
    """Take an address off the list."""
    ask(settings, "suppression.remove", address=address, why=why)
    click.echo(f"{address} gets bulk mail again")
