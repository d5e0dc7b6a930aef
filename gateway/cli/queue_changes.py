"""`mailward queue flush / hold / delete / bounce / release / reject`: on a message, a recipient, or what matches."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import click
import msgspec

from gateway.cli.ask import ask
from gateway.cli.context import Status, fail, settings_option
from gateway.cli.queue_filter import count, filter_options, look, read_filter
from gateway.cli.registers import BY
from gateway.config import Settings
from gateway.control.reach import ENDABLE, HOLDABLE, MOST
from gateway.message.entry import EntryState
from gateway.store.filter import Filter
from gateway.store.overview import matching

WHY: Final = click.option("--why", "--reason", "why", required=True, help="Why; it is kept in the audit log.")
YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")
ALL: Final = click.option("--all", "everything", is_flag=True, help="Everything that waits, without a filter.")
ID: Final = click.argument("queue_id", metavar="[ID]", required=False)


def ends(run: Callable[..., int]) -> Callable[..., int]:
    """What a command takes that ends copies for good: which, why, and whether to ask."""
    for option in (settings_option, YES, WHY, ALL, filter_options, ID):
        run = option(run)
    return run


@click.command()
@ID
@filter_options
@settings_option
def flush(settings: Settings, /, *, queue_id: str | None, **given: Any) -> None:
    """Try what waits now: everything, one message, or what matches."""
    which = msgspec.to_builtins(read_filter(queue_id, **given))
    click.echo(f"{ask(settings, 'queue.flush', which=which)} recipients are tried now")


@click.command()
@ID
@filter_options
@ALL
@WHY
@settings_option
def hold(settings: Settings, /, *, queue_id: str | None, everything: bool, why: str, **given: Any) -> int:
    """Stop attempts until release; the senders are told. Mail of our own, such as bounces, goes on."""
    which = replace(_which(queue_id, given, everything=everything), kinds=tuple(HOLDABLE.kinds))
    ids = _find(settings, which, HOLDABLE.states)
    return _change(settings, "queue.hold", ids, why, "held")


@click.command()
@ends
def delete(settings: Settings, /, *, queue_id: str | None, everything: bool, why: str, yes: bool, **given: Any) -> int:
    """End it without a word to the sender, who may wait for an answer; `bounce` tells him."""
    ids = _find(settings, _which(queue_id, given, everything=everything), ENDABLE.states)
    _confirm(f"Delete them? Nobody is told, and nothing brings them back. Reason: {why}", yes=yes)
    return _change(settings, "queue.delete", ids, why, "deleted")


@click.command()
@ends
def bounce(settings: Settings, /, *, queue_id: str | None, everything: bool, why: str, yes: bool, **given: Any) -> int:
    """End it now, and tell the senders that it was not delivered."""
    ids = _find(settings, _which(queue_id, given, everything=everything), ENDABLE.states)
    _confirm(f"Give them back to their senders? Reason: {why}", yes=yes)
    return _change(settings, "queue.bounce", ids, why, "given back")


@click.command()
@ID
@click.option("--login", help="Take the brake off this login, and release everything that it holds.")
@filter_options
@ALL
@click.option("--shows", default="", metavar="WORDS", help="Where the message itself says what a law wants with it.")
@WHY
@BY
@settings_option
def release(
    settings: Settings, /, *, queue_id: str | None, login: str | None, everything: bool, why: str, by: str, shows: str,
    **given: Any,
) -> int:  # fmt: skip
    """Let held mail go on, by a way that is safe now. Where a rule asks for two persons, both have to say so."""
    filters = any(given.values()) and not (queue_id and set(filter(given.get, given)) == {"recipient"})
    if sum(map(bool, (queue_id, login, filters or everything))) != 1:
        fail("give one of an ID (perhaps with --to), --login, filters, or --all", Status.USAGE)
    if shows and not queue_id:
        fail("--shows is about one message: give its ID", Status.USAGE)
    if login:
        counted = ask(settings, "queue.release_login", login=login, reason=why)
        click.echo(f"the brake is off; {counted['released']} recipients go on, {counted['held']} messages stay held")
        return Status.DONE
    if queue_id:
        freed = ask(
            settings, "queue.release", queue_id=queue_id.upper(), reason=why, to=given["recipient"], by=by, shows=shows
        )
        click.echo(f"{freed} recipients go on")
        return Status.DONE
    ids = _find(settings, _which(None, given, everything=everything), frozenset({EntryState.HELD}))
    messages = list(dict.fromkeys(entry_id.rpartition("-")[0] for entry_id in ids))
    total = {"released": 0, "held": 0}
    for start in range(0, len(messages), MOST):
        some = ask(settings, "queue.release_many", ids=messages[start : start + MOST], reason=why, by=by)
        total = {name: total[name] + some[name] for name in total}
    click.echo(f"{total['released']} recipients go on, {total['held']} messages stay held")
    return Status.PROBLEM if total["held"] else Status.DONE


@click.command()
@click.argument("queue_id", metavar="ID")
@click.option("--to", default="", metavar="ADDRESS", help="For this recipient only.")
@WHY
@settings_option
def reject(settings: Settings, *, queue_id: str, to: str, why: str) -> None:
    """Refuse held mail; its sender is told."""
    refused = ask(settings, "queue.reject", queue_id=queue_id.upper(), reason=why, to=to)
    click.echo(f"{refused} recipients are refused")


def _which(queue_id: str | None, given: dict[str, Any], *, everything: bool) -> Filter:
    """Raises: Failure when nothing says what is meant: an empty filter means everything, and nobody means that."""
    if not (queue_id or any(given.values()) or everything):
        fail("give an ID, filters, or --all", Status.USAGE)
    return read_filter(queue_id, **given)


def _find(settings: Settings, which: Filter, states: frozenset[EntryState]) -> list[str]:
    """What matches and is in a state that the command changes; the count is printed. Raises: Failure when nothing."""
    fit = states & frozenset(which.states) if which.states else states
    ids = look(settings, lambda fetch: matching(fetch, replace(which, states=fit))) if fit else []
    if not ids:
        fail("nothing that waits matches")
    click.echo(count(ids))
    return ids


def has_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not has_terminal():
        fail("nobody is here to ask; give --yes", Status.USAGE)
    click.confirm(question, abort=True)


def _change(settings: Settings, call: str, ids: list[str], why: str, done: str) -> int:
    total = {"done": 0, "busy": 0, "other": 0}
    for start in range(0, len(ids), MOST):
        some = ask(settings, call, ids=ids[start : start + MOST], why=why)
        total = {name: total[name] + some[name] for name in total}
    click.echo(f"{total['done']} recipients {done}")
    if total["busy"]:
        click.echo(f"{total['busy']} are being delivered at this moment and were left alone; try again", err=True)
    if total["other"]:
        click.echo(
            f"{total['other']} cannot be {done}: they have their ending by now, or are mail of our own", err=True
        )
    return Status.PROBLEM if total["busy"] or total["other"] else Status.DONE
