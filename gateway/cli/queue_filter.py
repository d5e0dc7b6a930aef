"""Which entries a command on the queue means: an ID, filters, or both; read from the store beside a running gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from gateway.cli.context import Status, fail
from gateway.config import Settings
from gateway.config.values import parse_duration
from gateway.control.owner import owners_files
from gateway.message.entry import EntryState
from gateway.store.errors import StoreError
from gateway.store.filter import Filter
from gateway.store.glance import glancing
from gateway.store.overview import Fetch

T = TypeVar("T")
Command = Callable[..., Any]

STATES: Final = [state.value for state in EntryState]
_OPTIONS: Final = (
    click.option("--domain", default="", help="Recipients of this domain."),
    click.option("--sender", default="", metavar="ADDRESS", help="An address, or *@domain."),
    click.option("--to", "recipient", default="", metavar="ADDRESS", help="This recipient."),
    click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="May be repeated."),
    click.option("--older-than", default="", metavar="DURATION", help="Queued longer ago, such as 4h."),
    click.option("--younger-than", default="", metavar="DURATION", help="Queued since."),
)


def filter_options(command: Command) -> Command:
    """Give a command the filters; it is handed them by their names, for `read_filter`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_filter(queue_id: str | None = None, **given: Any) -> Filter:
    """Read the filters. queue_id: of a message, or of one of its recipients (`ID-2`). Raises: Failure, wrong usage."""
    now = datetime.now(UTC)
    older, younger = _duration(given["older_than"]), _duration(given["younger_than"])
    message, _, number = (queue_id or "").upper().partition("-")
    return Filter(
        queue_id=message,
        ids=[f"{message}-{number}"] if number else (),
        domain=given["domain"],
        sender=given["sender"],
        recipient=given["recipient"],
        states=[EntryState(word) for word in given["states"]],
        until=None if older is None else now - older,
        since=None if younger is None else now - younger,
    )


def look(settings: Settings, work: Callable[[Fetch], Awaitable[T]]) -> T:
    """Run work that reads. Raises: Failure with what stood in the way."""

    async def run() -> T:
        with owners_files(settings.server.data_dir):  # reading SQLite in WAL mode may make files beside the database
            async with glancing(settings) as fetch:
                return await work(fetch)

    try:
        return asyncio.run(run())
    except (StoreError, OSError) as error:
        fail(str(error))


def _duration(text: str) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except ValueError as why:
        fail(str(why), Status.USAGE)


def count(ids: Sequence[str]) -> str:
    """`3 recipients of 2 messages`."""
    messages = len({entry_id.rpartition("-")[0] for entry_id in ids})
    return f"{len(ids)} recipient{'s' * (len(ids) != 1)} of {messages} message{'s' * (messages != 1)}"
