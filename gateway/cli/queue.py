"""`mailward queue`: what waits, why, and what to do about it."""

import gc
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from gateway.cli import queue_changes
from gateway.cli.ask import ask
from gateway.cli.context import config_option, print_json, print_table, printable, settings_option
from gateway.cli.queue_filter import filter_options, look, read_filter
from gateway.config import Settings
from gateway.control.look import records, table
from gateway.store.filter import UNFINISHED, Filter

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
HEADERS: Final = ("id", "state", "method", "tries", "next attempt", "from", "to", "why it waits")
FINGERPRINT: Final = 16  # letters of a certificate's fingerprint that a line shows


@click.group()
@config_option
def queue() -> None:
    """Show and manage the queue."""


@queue.command("list")
@click.argument("queue_id", metavar="[ID]", required=False)
@filter_options
@click.option("--all", "everything", is_flag=True, help="Also what is finished.")
@JSON_OPTION
@settings_option
def list_(settings: Settings, /, *, queue_id: str | None, everything: bool, as_json: bool, **given: Any) -> None:
    """List recipients that wait, oldest first."""
    which = read_filter(queue_id, **given)
    if not which.states and not everything:
        which = replace(which, states=UNFINISHED)
    list_entries(settings, which, as_json=as_json)


def list_entries(settings: Settings, which: Filter, *, as_json: bool) -> None:
    """Print what matches, a table or JSON."""
    gc.disable()  # a hundred thousand rows and no cycles: looking for some takes longer than reading them
    try:
        _list(settings, which, as_json=as_json)
    finally:
        gc.enable()


def _list(settings: Settings, which: Filter, *, as_json: bool) -> None:
    if not as_json:
        print_table(look(settings, lambda fetch: table(fetch, which)), HEADERS)
        return
    lines = b"\n".join(map(msgspec.json.Encoder().encode, look(settings, lambda fetch: records(fetch, which))))
    if lines:
        click.echo(lines)


@queue.command()
@click.argument("queue_id", metavar="ID")
@JSON_OPTION
@settings_option
def show(settings: Settings, *, queue_id: str, as_json: bool) -> None:
    """Show one message: where each recipient's copy stands, each attempt with its evidence, and why its way."""
    found = ask(settings, "queue.show", queue_id=queue_id)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['queue_id']}  from <{found['sender']}>  {found['size']} bytes, {found['content']}")
    for recipient in found["recipients"]:
        click.echo("\n" + "\n".join(map(printable, _lines(recipient))))


def _lines(recipient: dict[str, Any]) -> list[str]:
    """One recipient, for people."""
    state, urgent = recipient["queue_name"], ", urgent" * recipient["urgent"]
    lines = [f"{recipient['recipient']}: {state}{urgent}, methods: {', '.join(recipient['methods']) or 'none'}"]
    if recipient["delay_reason"]:
        word = "held because" if state == "held" else "last reply"
        lines.append(f"  {word}: {recipient['delay_reason']}")
    if recipient["why"] and recipient["why"] != recipient["delay_reason"]:
        lines.append(f"  why: {recipient['why']}")
    if state == "queued":
        lines.append(f"  next attempt: {_time(recipient['next_attempt_at'])}, by {recipient['method']}")
        lines.append(f"  goes back to its sender: {_time(recipient['expires_at'])}")
    lines += [f"  {sentence}" for sentence in recipient["trace"]]
    lines += [f"  attempt {number}: {_attempt(one)}" for number, one in enumerate(recipient["attempted"], 1)]
    return lines


def _attempt(one: dict[str, Any]) -> str:
    where = f"{one['host']}[{one['ip']}]:{one['port']}" if one["host"] else "no host reached"
    text = f"{_time(one['at'])}, {one['method']}, {where}: {one['seen']}, {one['reply']}"
    if "tls_version" not in one:
        return f"{text}; no TLS{_grounds(one)}"
    certificate = f", certificate {one['certificate'][:FINGERPRINT]}" if one.get("certificate") else ""
    return f"{text}; {one['tls_version']} {one['tls_cipher']}, {one['verification']}{certificate}{_grounds(one)}"


def _grounds(one: dict[str, Any]) -> str:
    """What the attempt went by: who asked for what, and what is published."""
    wish = one.get("unmet_wish")
    published = {"DNSSEC": one.get("dnssec"), "MTA-STS": one.get("mta_sts"), "failed its MTA-STS test": wish}
    words = [*one.get("required", ()), *(f"{name}: {value}" for name, value in published.items() if value)]
    return f"; {'; '.join(words)}" if words else ""


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


for command in (
    queue_changes.flush, queue_changes.hold, queue_changes.release, queue_changes.delete, queue_changes.bounce,
    queue_changes.reject,
):  # fmt: skip
    queue.add_command(command)
