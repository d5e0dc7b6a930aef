"""`mailward user`: who may sign in."""

import sys
from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.config import Settings

LINE_LIMIT: Final = 4096
PASSWORD = click.option("--password-stdin", is_flag=True, help="Take the first line of standard input.")

MAY_SEND_AS = click.option("--may-send-as", "other", required=True, metavar="OTHER", help="The other address.")


@click.group()
@config_option
def user() -> None:
    """People who may send, and their passwords."""


@user.command()
@click.argument("address")
@PASSWORD
@click.option("--role", default="sender", show_default=True, help="What they are.")
@settings_option
def add(settings: Settings, *, address: str, password_stdin: bool, role: str) -> None:
    """Add somebody."""
    ask(settings, "user.add", address=address, password=_password(is_piped=password_stdin), role=role)
    click.echo(f"{address} may sign in")


@user.command()
@click.argument("address")
@PASSWORD
@settings_option
def passwd(settings: Settings, *, address: str, password_stdin: bool) -> None:
    """Change a password."""
    ask(settings, "user.passwd", address=address, password=_password(is_piped=password_stdin))
    click.echo(f"the password of {address} is changed")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """List everybody."""
    rows = ask(settings, "user.list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        [
            [row["address"], row["role"], " ".join(row["may_send_as"]) or None, row["created_at"], row["disabled_at"]]
            for row in rows
        ],
        ("address", "role", "also sends as", "since", "disabled"),
    )


@user.command()
@click.argument("address")
@settings_option
def disable(settings: Settings, *, address: str) -> None:
    """Refuse somebody from now on."""
    ask(settings, "user.disable", address=address)
    click.echo(f"{address} can sign in no longer")


@user.command()
@click.argument("address")
@MAY_SEND_AS
@settings_option
def delegate(settings: Settings, *, address: str, other: str) -> None:
    """Let somebody send as another address of yours too."""
    ask(settings, "user.delegate", address=address, other=other)
    click.echo(f"{address} may send as {other}")


@user.command()
@click.argument("address")
@MAY_SEND_AS
@settings_option
def undelegate(settings: Settings, *, address: str, other: str) -> None:
    """Take that back."""
    ask(settings, "user.undelegate", address=address, other=other)
    click.echo(f"{address} may send as {other} no longer")


def _password(*, is_piped: bool) -> str:
    """From standard input, or typed twice without an echo."""
    if not is_piped:
        if not sys.stdin.isatty():
            fail("no terminal to ask for a password; use --password-stdin", Status.USAGE)
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline(LINE_LIMIT).rstrip("\r\n")
    if not line:
        fail("standard input holds no password", Status.USAGE)
    return line
