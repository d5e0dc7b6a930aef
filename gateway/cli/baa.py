"""`mailward baa`: organisations that get mail from us, and their agreements."""

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
from policy.baa import Relation

COLUMNS: Final = (
    "name", "relation", "domains", "purposes", "qsoa", "in_force", "agreed_at", "expires_at", "ended_at", "contact",
)  # fmt: skip
RENEW: Final = click.option("--renew", "renews", is_flag=True, help="In place of what its name has now.")

EXPORTED: Final = {  # columns of an import, and where each comes from
    "name": "name", "relation": "relation", "domains": "domains", "purposes": "purposes", "qsoa": "qsoa",
    "agreed": "agreed_at", "expires": "expires_at", "contact": "contact",
}  # fmt: skip


@click.group()
@config_option
def baa() -> None:
    """Organisations that get mail from us, and their agreements."""


@baa.command()
@click.argument("name")
@click.option("--domain", "domains", multiple=True, required=True, help="With those below it; may be repeated.")
@click.option(
    "--relation",
    type=click.Choice([one.value for one in Relation if one is not Relation.UNKNOWN]),
    default=Relation.ASSOCIATE.value,
    show_default=True,
    help="What it is to us.",
)
@click.option("--purpose", "purposes", multiple=True, help="What the agreement permits, or any; may be repeated.")
@click.option("--qsoa", is_flag=True, help="The agreement is one of a qualified service organisation, too.")
@click.option("--agreed", default="", metavar="DATE", help="When the agreement begins.")
@click.option("--expires", default="", metavar="DATE", help="When it ends.  [default: never]")
@click.option("--contact", default="", help="Whom to ask.")
@RENEW
@BY
@JSON
@settings_option
def add(
    settings: Settings, *, name: str, domains: tuple[str, ...], relation: str, purposes: tuple[str, ...], qsoa: bool,
    agreed: str, expires: str, contact: str, renews: bool, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Record an organisation."""
    row = {
        "name": name, "relation": relation, "domains": " ".join(domains), "purposes": " ".join(purposes),
        "qsoa": "yes" if qsoa else "no", "agreed": agreed, "expires": expires, "contact": contact,
    }  # fmt: skip
    made = ask(settings, "baa.add", row=row, by=by, renews=renews)
    if as_json:
        print_json(made)
        return
    click.echo(f"{made['name']} is on the register")


@baa.command("list")
@JSON
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List them, also those whose agreement has ended."""
    tell_rows(ask(settings, "baa.list"), COLUMNS, as_json=as_json)


@baa.command()
@click.argument("name")
@WHY
@BY
@settings_option
def end(settings: Settings, *, name: str, why: str, by: str) -> None:
    """End an agreement now."""
    waiting = ask(settings, "baa.end", name=name, by=by, why=why)
    click.echo(f"the agreement with {name} has ended{held(waiting)}")


baa.add_command(export_command("baa", EXPORTED, until="ended_at", what="has not ended"))
baa.add_command(
    RENEW(
        import_command(
            "baa",
            what="organisations",
            columns="name, relation, domains, purposes, qsoa (yes or no), agreed, expires, contact",
        )
    )
)
