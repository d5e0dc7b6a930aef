"""`mailward consent`: what patients consented to, asked for, or refused."""

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
    held,
    import_command,
    tell_rows,
)
from gateway.config import Settings
from policy.consent import TOPICS, Kind

COLUMNS: Final = (
    "id", "patient", "kind", "purposes", "recipients", "topics", "in_force", "given_at", "expires_at", "revoked_at",
)  # fmt: skip

EXPORTED: Final = {  # columns of an import, and where each comes from
    "patient": "patient", "kind": "kind", "purposes": "purposes", "recipients": "recipients", "given": "given_at",
    "expires": "expires_at", "evidence": "evidence", "topics": "topics", "covers": "covers",
}  # fmt: skip


@click.group()
@config_option
def consent() -> None:
    """What patients consented to, asked for, or refused."""


@consent.command()
@click.option("--patient", required=True, metavar="WHO", help="Address, or your id of the patient (kept as a hash).")
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in Kind]), help="What kind of entry.")
@click.option("--purpose", "purposes", multiple=True, help="As in X-Mailward-Purpose, or any; may be repeated.")
@click.option("--recipient", "recipients", multiple=True, help="To whom: address or domain; may be repeated.")
@click.option(
    "--topic",
    "topics",
    multiple=True,
    type=click.Choice(TOPICS),
    help="What an authorization names expressly, where a law asks for that; may be repeated.",
)
@click.option("--covers", default="", metavar="WORDS", help="Which information it covers, as it says.")
@click.option("--given", default="", metavar="DATE", help="When.  [default: now]")
@click.option("--expires", default="", metavar="DATE", help="When it ends.  [default: never]")
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The signed document or the warning; only its SHA-256 is kept.",
)
@BY
@JSON
@settings_option
def add(
    settings: Settings, *, patient: str, kind: str, purposes: tuple[str, ...], recipients: tuple[str, ...],
    topics: tuple[str, ...], covers: str, given: str, expires: str, document: Path | None, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Record one."""
    row = {
        "patient": patient, "kind": kind, "purposes": " ".join(purposes), "recipients": " ".join(recipients),
        "given": given, "expires": expires, "topics": " ".join(topics), "covers": covers,
        "evidence": hashlib.sha256(document.read_bytes()).hexdigest() if document else "",
    }  # fmt: skip
    made = ask(settings, "consent.add", row=row, by=by)
    if as_json:
        print_json(made)
        return
    click.echo(f"recorded as {made['id']}")
    if made["late_since"]:
        click.echo(f"too late: it had to be honoured by {made['late_since']} (16 CFR part 316)", err=True)


@consent.command("list")
@click.option("--patient", default="", metavar="WHO", help="Only this one: address or id.")
@JSON
@settings_option
def list_(settings: Settings, *, patient: str, as_json: bool) -> None:
    """List them, also those that have ended."""
    tell_rows(ask(settings, "consent.list", patient=patient), COLUMNS, as_json=as_json)


@consent.command()
@click.argument("consent_id", metavar="ID")
@WHY
@BY
@settings_option
def revoke(settings: Settings, *, consent_id: str, why: str, by: str) -> None:
    """End one now."""
    was = ask(settings, "consent.revoke", consent_id=consent_id, by=by, why=why)
    click.echo(f"{was['kind']} of {was['patient']} counts no longer{held(was['queue'])}")


consent.add_command(export_command("consent", EXPORTED, until="revoked_at", what="was not revoked"))
consent.add_command(
    import_command(
        "consent",
        what="entries",
        columns="patient, kind, purposes, recipients, given, expires, evidence (SHA-256 of the document), topics,"
        " covers",
    )
)
