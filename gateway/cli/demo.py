"""`mailward demo`: a whole clinic on loopback, and one table of what happened to its mail and why."""

import asyncio
import contextlib
import logging
import signal
import smtplib
import sys
from typing import Final

import click
from rich.console import Console

from gateway.cli.context import Status, config_option, fail, print_json, printable
from gateway.control.wire import NoGateway, Refused
from gateway.demo import keep as kept
from gateway.demo.installation import NotReady
from gateway.demo.run import Clinic, Outcome, Tell, open_clinic, perform
from gateway.demo.table import climbs, legend, table
from gateway.demo.words import as_json

NO_TERMINAL_WIDTH: Final = 120
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, and show what to try with it.")
@click.option("--json", "is_json", is_flag=True, help="One object a line: recipients, then a summary.")
@config_option
def demo(*, keep: bool, is_json: bool) -> int:
    """Show a whole clinic at work, on this machine alone.

    Starts a gateway, a resolver and mail servers on loopback, sends thirteen messages, and shows in one table what was
    found, decided and done with each, with proof. Reads no configuration file; removes everything it made.
    """
    logging.getLogger("mail.log").disabled = True  # aiosmtpd of the mail servers; a refused certificate is the point
    try:
        return asyncio.run(_demo(is_kept=keep, is_json=is_json))
    except NotReady as error:
        fail(str(error))
    except asyncio.CancelledError:
        fail("stopped before the end")
    except NoGateway:
        fail("the demonstration cannot go on: the gateway has ended")
    except (smtplib.SMTPException, Refused, OSError) as error:
        fail(f"the demonstration cannot go on: {error}")


async def _demo(*, is_kept: bool, is_json: bool) -> int:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101  # a coroutine runs in a task
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    tell: Tell = _silent if is_json else _say
    async with open_clinic(tell) as clinic:
        outcome = await perform(clinic, tell)
        (_show_json if is_json else _show)(outcome)
        if is_kept:
            (_show_kept_json if is_json else _show_kept)(clinic, outcome)
            with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how it ends
                await kept.watch(clinic, tell)
            task.uncancel()
    return Status.PROBLEM if outcome.broken else Status.DONE


def _say(line: str) -> None:
    click.echo(printable(line), err=True)


def _silent(_line: str) -> None:
    """Machines read the result only."""


def _show(outcome: Outcome) -> None:
    """The table, its legend, and each promise with what broke it."""
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else NO_TERMINAL_WIDTH, highlight=False, markup=False)
    console.print()
    console.print(table(outcome.rows, width=console.width, is_terminal=is_terminal))
    console.print()
    console.print(climbs(outcome.rows), soft_wrap=True)
    console.print()
    console.print(legend(width=console.width))
    console.print()
    for promise in outcome.promises:
        console.print(
            "BROKEN  " if promise.broken else "kept    ", end="", style="bold red" if promise.broken else "green"
        )
        console.print(promise.text)
        for sentence in promise.broken:
            console.print(f"        {sentence}", style="red")
    console.print(f"\naudit verify: {outcome.audit}", soft_wrap=True)
    messages = len({row.sent.queue_id for row in outcome.rows})
    console.print(f"{messages} messages, {len(outcome.rows)} recipients, {outcome.seconds:.1f} s")


def _show_json(outcome: Outcome) -> None:
    for row in outcome.rows:
        print_json(as_json(row))
    print_json(
        {
            "type": "summary",
            "ok": not outcome.broken,
            "messages": len({row.sent.queue_id for row in outcome.rows}),
            "recipients": len(outcome.rows),
            "broken": list(outcome.broken),
            "audit": outcome.audit,
            "seconds": round(outcome.seconds, 2),
        }
    )


def _show_kept(clinic: Clinic, outcome: Outcome) -> None:
    click.echo("\nEverything keeps running until Ctrl-C.\n")
    for name, value in kept.addresses(clinic).items():
        click.echo(f"  {name:<13} {value}")
    click.echo("\nOpen in a browser (it does not know our authority, so it will warn):\n")
    for recipient, link, asks_for in kept.openings(outcome.rows):
        click.echo(f"  {link}\n    for {recipient}, asks for {asks_for}")
    click.echo("\nTry in another terminal:\n")
    click.echo(f"  export MAILWARD_CONFIG={clinic.installation.config}")
    for command in kept.commands(outcome.rows):
        click.echo(f"  {command}")
    click.echo("\nMail that arrives from now on:\n")


def _show_kept_json(clinic: Clinic, outcome: Outcome) -> None:
    links = [
        {"recipient": recipient, "link": link, "asks_for": asks_for}
        for recipient, link, asks_for in kept.openings(outcome.rows)
    ]
    addresses = {name.replace(" ", "_"): value for name, value in kept.addresses(clinic).items()}
    print_json({"type": "running", **addresses, "links": links, "commands": list(kept.commands(outcome.rows))})
