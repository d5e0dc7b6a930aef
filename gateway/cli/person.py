"""`mailward person`: patients, and who reads mail at their addresses."""

from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, print_json, settings_option
from gateway.cli.registers import (
    BY,
    JSON,
    JSON_ARRAY,
    WHY,
    import_command,
    tell_export,
    tell_rows,
)
from gateway.config import Settings
from policy.people import Basis, Tie

COLUMNS: Final = (
    "id", "person", "address", "tie", "basis", "verified", "counts", "from_at", "until_at", "majority_at",
    "suspended_at", "ended_at",
)  # fmt: skip
PATIENT: Final = click.option(
    "--patient", required=True, metavar="WHO", help="Your id of the patient (kept as a hash), or an address."
)

EXPORTED: Final = {  # columns of an import, and where each comes from
    "patient": "person", "majority": "majority_at", "address": "address", "tie": "tie", "basis": "basis",
    "verified": "verified", "from": "from_at", "until": "until_at",
}  # fmt: skip


@click.group()
@config_option
def person() -> None:
    """Patients, and who reads mail at their addresses."""


@person.command()
@PATIENT
@click.option("--majority", default="", metavar="DATE", help="When a minor comes of age.  [default: of age]")
@BY
@JSON
@settings_option
def add(settings: Settings, *, patient: str, majority: str, by: str, as_json: bool) -> None:
    """Record a patient."""
    made = ask(settings, "person.add", patient=patient, majority=majority, by=by)
    if as_json:
        print_json(made)
        return
    click.echo(f"recorded as {made['id']}")


@person.command()
@PATIENT
@click.option("--address", required=True, help="Where this patient is reached.")
@click.option(
    "--as", "tie", default=Tie.SELF.value, show_default=True, type=click.Choice([one.value for one in Tie]),
    help="Who reads there: the patient, who acts for the patient, several, or somebody involved in care.",
)  # fmt: skip
@click.option("--basis", default="", type=click.Choice(["", *(one.value for one in Basis)]), help="Why one may act.")
@click.option("--verified", default="", metavar="HOW", help="How it was verified.  [default: it was not]")
@click.option("--from", "begins", default="", metavar="DATE", help="Since when.  [default: now]")
@click.option("--until", default="", metavar="DATE", help="Until when; a parent's ends at majority.")
@BY
@JSON
@settings_option
def link(
    settings: Settings, *, patient: str, address: str, tie: str, basis: str, verified: str, begins: str, until: str,
    by: str, as_json: bool,
) -> None:  # fmt: skip
    """Say who is reached at an address."""
    row = {
        "patient": patient, "address": address, "tie": tie, "basis": basis, "verified": verified, "from": begins,
        "until": until,
    }  # fmt: skip
    made = ask(settings, "person.link", row=row, by=by)
    if as_json:
        print_json(made)
        return
    click.echo(f"recorded as {made['id']}")


@person.command("list")
@click.option("--patient", default="", metavar="WHO", help="Only this one.")
@JSON
@settings_option
def list_(settings: Settings, *, patient: str, as_json: bool) -> None:
    """List the links, also those that have ended."""
    tell_rows(ask(settings, "person.list", patient=patient), COLUMNS, as_json=as_json)


@person.command("export")
@JSON_ARRAY
@settings_option
def export(settings: Settings, *, as_json: bool) -> None:
    """Write what has neither ended nor was suspended, as `import` takes it."""
    standing = [row for row in ask(settings, "person.list") if not (row["ended_at"] or row["suspended_at"])]
    tell_export(standing, EXPORTED, as_json=as_json)


person.add_command(
    import_command(
        "person",
        what="rows",
        columns="patient, majority, address, tie, basis, verified, from, until. A row without an address records the"
        " patient alone; an empty majority changes nothing for who is on the register already",
    )
)


@person.command()
@click.argument("link_id", metavar="ID")
@WHY
@BY
@settings_option
def unlink(settings: Settings, *, link_id: str, why: str, by: str) -> None:
    """End a link now."""
    ask(settings, "person.unlink", link_id=link_id, by=by, why=why)
    click.echo(f"{link_id} counts no longer")


@person.command()
@click.argument("link_id", metavar="ID")
@WHY
@BY
@settings_option
def resume(settings: Settings, *, link_id: str, why: str, by: str) -> None:
    """Let a link count again that a bounce suspended."""
    ask(settings, "person.resume", link_id=link_id, by=by, why=why)
    click.echo(f"{link_id} counts again")
