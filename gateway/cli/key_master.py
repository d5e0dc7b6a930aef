"""`mailward key master`: the key that seals everything in the store."""

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, settings_option
from gateway.config import Settings


@click.group()
@config_option
def master() -> None:
    """The key that seals everything in the store."""


@master.command()
@settings_option
def rotate(settings: Settings) -> None:
    """Make a new master key and seal everything anew, while mail goes on.

    The old key stays beside it until the next start. Backups of before need the old key: keep a copy with them.
    Where a command prints the key, have it print the new one first and the old one in the next line, then run this.
    """
    path = settings.seal.master_key
    before = ask(settings, "master.rotate")
    if settings.seal.master_key_command:
        click.echo(f"everything is sealed by the first key that {before} prints")
        click.echo("let it print the old one too until the gateway has been started again; older backups need it")
        return
    click.echo(f"{path} is a new key: copy it to a safe place now")
    click.echo(f"the old one is {before}, and goes at the next start; backups made before today need it")
