"""`mailward credential`: passwords for programs, each with what it may do."""

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, print_json, print_table, settings_option
from gateway.config import Settings

AN_HOUR = click.IntRange(min=1)


@click.group()
@config_option
def credential() -> None:
    """Passwords for programs: EHR systems, scanners, scripts."""


@credential.command()
@click.argument("name")
@click.option(
    "--sender",
    "senders",
    multiple=True,
    required=True,
    metavar="ADDRESS",
    help="Address it may send as, *@DOMAIN for all of a domain of ours, or <> for bounces; may be repeated.",
)
@click.option(
    "--network", "networks", multiple=True, metavar="CIDR", help="Where it may sign in from; may be repeated."
)
@click.option("--expires", default="", metavar="DURATION", help="Works for this long, such as 90d.  [default: always]")
@click.option("--messages-per-hour", type=AN_HOUR, help="Beyond it, its mail is held.  [default: brake section]")
@click.option("--recipients-per-hour", type=AN_HOUR, help="The same for different recipients.")
@click.option("--phi-per-hour", type=AN_HOUR, help="The same for protected messages.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@settings_option
def create(
    settings: Settings, *, name: str, senders: tuple[str, ...], networks: tuple[str, ...], expires: str,
    messages_per_hour: int | None, recipients_per_hour: int | None, phi_per_hour: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Make one, and show its password, this once."""
    made = ask(
        settings, "credential.create", name=name, senders=senders, networks=networks, expires=expires,
        messages_per_hour=messages_per_hour, recipients_per_hour=recipients_per_hour, phi_per_hour=phi_per_hour,
    )  # fmt: skip
    if as_json:
        print_json(made)
        return
    click.echo(f"user name: {made['name']}")
    click.echo(f"password:  {made['secret']}")
    click.echo(
        "The password is not shown again. Clients that want an address take a sender's as the user name.", err=True
    )


@credential.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List all, also those that were revoked."""
    rows = ask(settings, "credential.list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    print_table(
        [
            [row["name"], " ".join(row["senders"]), " ".join(row["networks"]) or None, *(row[time] for time in times)]
            for row in rows
        ],
        ("name", "sends as", "from", "since", "expires", "last used", "revoked"),
    )


@credential.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@settings_option
def revoke(settings: Settings, *, name: str, reason: str) -> None:
    """End one at once, in sessions under way too."""
    ask(settings, "credential.revoke", name=name, reason=reason)
    click.echo(f"{name} can sign in no longer")
