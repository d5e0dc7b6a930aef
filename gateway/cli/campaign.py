"""`mailward campaign`: mass promotion and studies that somebody reviewed."""

import hashlib
from pathlib import Path
from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, print_json, settings_option
from gateway.cli.registers import (
    BY,
    JSON,
    WHY,
    export_command,
    import_command,
    tell_rows,
)
from gateway.config import Settings
from policy.campaign import About, Audience, Basis, Payment
from policy.purpose import PURPOSES, UNKNOWN

COLUMNS: Final = ("name", "purpose", "about", "payment", "audience", "basis", "in_force", "reviewer", "reviewed_at")

EXPORTED: Final = {  # columns of an import, and where each comes from
    "name": "name", "purpose": "purpose", "about": "about", "payment": "payment", "audience": "audience",
    "basis": "basis", "recipients": "recipients", "reviewer": "reviewer", "reviewed": "reviewed_at",
    "document": "document", "expires": "expires_at",
}  # fmt: skip


@click.group()
@config_option
def campaign() -> None:
    """Mass promotion and studies that somebody reviewed; X-Mailward-Campaign names one."""


@campaign.command()
@click.argument("name")
@click.option("--purpose", required=True, type=click.Choice(sorted(PURPOSES - {UNKNOWN})), help="What it is for.")
@click.option("--about", required=True, type=click.Choice([one.value for one in About]), help="What it tells of.")
@click.option(
    "--payment", default=Payment.NONE.value, show_default=True, type=click.Choice([one.value for one in Payment]),
    help="What somebody else pays for it: nothing, no more than it costs, or more.",
)  # fmt: skip
@click.option(
    "--audience", required=True, type=click.Choice([Audience.PATIENTS.value, Audience.PUBLIC.value]),
    help="Whom it goes to; public: the list was made without any patient's information.",
)  # fmt: skip
@click.option(
    "--basis", default=Basis.NONE.value, show_default=True, type=click.Choice([one.value for one in Basis]),
    help="What permits research without authorizations.",
)  # fmt: skip
@click.option("--recipient", "recipients", multiple=True, help="Whom that basis is for; may be repeated.")
@click.option("--reviewer", required=True, help="Who read and approved it.")
@click.option("--reviewed", default="", metavar="DATE", help="When.  [default: now]")
@click.option(
    "--document", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What was reviewed; only its SHA-256 is kept.",
)  # fmt: skip
@click.option("--expires", default="", metavar="DATE", help="When it ends.  [default: never]")
@BY
@JSON
@settings_option
def add(
    settings: Settings, *, name: str, purpose: str, about: str, payment: str, audience: str, basis: str,
    recipients: tuple[str, ...], reviewer: str, reviewed: str, document: Path, expires: str, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Record one."""
    row = {
        "name": name, "purpose": purpose, "about": about, "payment": payment, "audience": audience, "basis": basis,
        "recipients": " ".join(recipients), "reviewer": reviewer, "reviewed": reviewed, "expires": expires,
        "document": hashlib.sha256(document.read_bytes()).hexdigest(),
    }  # fmt: skip
    made = ask(settings, "campaign.add", row=row, by=by)
    if as_json:
        print_json(made)
        return
    click.echo(f"{made['name']} is on the register")


@campaign.command("list")
@JSON
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List them, also those that have ended."""
    tell_rows(ask(settings, "campaign.list"), COLUMNS, as_json=as_json)


campaign.add_command(export_command("campaign", EXPORTED, until="ended_at", what="has not ended"))
campaign.add_command(
    import_command(
        "campaign",
        what="campaigns",
        columns="name, purpose, about, payment, audience, basis, recipients, reviewer, reviewed, document (SHA-256),"
        " expires",
    )
)


@campaign.command()
@click.argument("name")
@WHY
@BY
@settings_option
def end(settings: Settings, *, name: str, why: str, by: str) -> None:
    """End one now."""
    ask(settings, "campaign.end", name=name, by=by, why=why)
    click.echo(f"{name} counts no longer")
