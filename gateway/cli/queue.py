"""`mailward queue`: what waits, why, and what to do with what is held."""

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.config import Settings

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
REASON = click.option("--reason", required=True, help="Why; it is kept in the audit log.")


@click.group()
@config_option
def queue() -> None:
    """Show and manage the queue."""


@queue.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is finished.")
@JSON_OPTION
@settings_option
def list_(settings: Settings, *, everything: bool, as_json: bool) -> None:
    """List recipients that wait, oldest first."""
    rows = ask(settings, "queue.list", everything=everything)
    if as_json:
        for row in rows:
            print_json(row)
        return
    columns = ("queue_id", "queue_name", "method", "attempts", "sender", "recipient", "delay_reason")
    headers = ("id", "state", "method", "tries", "from", "to", "why it waits")
    print_table([[row[column] for column in columns] for row in rows], headers)


@queue.command()
@click.argument("queue_id", metavar="ID")
@JSON_OPTION
@settings_option
def show(settings: Settings, *, queue_id: str, as_json: bool) -> None:
    """Show one message, and why each recipient's copy takes its way."""
    found = ask(settings, "queue.show", queue_id=queue_id)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['queue_id']}  from <{found['sender']}>  {found['size']} bytes, {found['content']}")
    for recipient in found["recipients"]:
        ladder = ", ".join(recipient["methods"]) or "none"
        click.echo(f"\n{recipient['recipient']}: {recipient['queue_name']}, methods: {ladder}")
        if recipient["delay_reason"]:
            word = "held because" if recipient["queue_name"] == "held" else "last reply"
            click.echo(f"  {word}: {recipient['delay_reason']}")
        for sentence in recipient["trace"]:
            click.echo(f"  {sentence}")


@queue.command()
@settings_option
def flush(settings: Settings) -> None:
    """Try everything that waits now."""
    click.echo(f"{ask(settings, 'queue.flush')} recipients are tried now")


@queue.command()
@click.argument("queue_id", metavar="[ID]", required=False)
@click.option("--login", help="Take the brake off this login, and release everything that it holds.")
@REASON
@settings_option
def release(settings: Settings, *, queue_id: str | None, login: str | None, reason: str) -> None:
    """Let held mail go on, by a way that is safe now."""
    if bool(queue_id) == bool(login):
        fail("give either an ID or --login", Status.USAGE)
    if login:
        counted = ask(settings, "queue.release_login", login=login, reason=reason)
        click.echo(f"the brake is off; {counted['released']} recipients go on, {counted['held']} messages stay held")
        return
    click.echo(f"{ask(settings, 'queue.release', queue_id=queue_id, reason=reason)} recipients go on")


@queue.command()
@click.argument("queue_id", metavar="ID")
@REASON
@settings_option
def reject(settings: Settings, *, queue_id: str, reason: str) -> None:
    """Refuse held mail; its sender is told."""
    click.echo(f"{ask(settings, 'queue.reject', queue_id=queue_id, reason=reason)} recipients are refused")
