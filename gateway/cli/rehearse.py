"""`mailward rehearse`: what a changed policy would have made of the mail of the last days. Changes nothing."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.context import Status, fail, print_json, printable, settings_option
from gateway.config import ConfigError, Settings, load
from gateway.config.values import parse_duration
from gateway.control.owner import owners_files
from gateway.pipeline.again import Again
from gateway.store import decisions
from gateway.store.errors import ContentError, MasterKeyError, StoreError
from gateway.store.opening import reading_sealed
from policy.decision import Decision
from policy.record import Cause
from policy.rehearsal import Example, Flips, Rehearsal

AT_INTAKE: Final = (Cause.RECEIVED, Cause.REFUSED)
Notes = dict[str, int]  # what has to be said of a rehearsal besides


@click.command()
@click.option(
    "--with", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="NEW.toml",
    help="The changed configuration, whole.",
)  # fmt: skip
@click.option("--since", default="7d", show_default=True, metavar="DURATION", help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@settings_option
def rehearse(settings: Settings, *, file: Path, since: str, as_json: bool) -> None:
    """Show which past decisions a changed policy would flip, with counts and examples.

    The facts are those of the stored decisions. A register that nobody asked then is asked now, about that time.
    """
    try:
        begin = datetime.now(UTC) - parse_duration(since)
    except ValueError as why:
        fail(str(why), Status.USAGE)
    try:
        new = load(file)
    except ConfigError as error:
        fail(str(error), Status.BAD_CONFIG)
    try:
        with owners_files(settings.server.data_dir):
            found, notes = asyncio.run(replay(settings, new, begin))
    except MasterKeyError as error:
        fail(str(error), Status.BAD_CONFIG)
    except (StoreError, OSError) as error:
        fail(str(error))
    if as_json:
        print_json(_as_json(found, notes, begin))
        return
    for line in _lines(found, notes, since):
        click.echo(printable(line))


async def replay(settings: Settings, new: Settings, begin: datetime) -> tuple[Rehearsal, Notes]:
    """Go through all decisions at SMTP time since then. settings: where they are. Raises: StoreError."""
    found, notes = Rehearsal(), {"asked_now": 0, "unreadable": 0}
    async with reading_sealed(settings) as store:
        again, after = Again(new, store), (begin, "")
        while True:
            async with store.read() as conn:
                page = await decisions.sealed_since(conn, begin, causes=AT_INTAKE, after=after)
            for row in page:
                try:
                    stored = decisions.opened(row, store.vault)
                except ContentError:
                    notes["unreadable"] += 1
                    continue
                made = await again.by_policy(stored.kept, at=stored.at)
                notes["asked_now"] += bool(made.asked_now)
                found.add(stored.queue_id, stored.at, stored.kept.decisions, made.decisions)
            if len(page) < decisions.AT_ONCE:
                return found, notes
            after = page[-1]["at"], page[-1]["queue_id"]


def _lines(found: Rehearsal, notes: Notes, since: str) -> Iterator[str]:
    yield f"{found.decisions} decisions on {found.messages} messages of the last {since}; {found.flipped} would flip."
    if notes["asked_now"]:
        yield f"For {notes['asked_now']} messages registers were asked now that were not asked then."
    if notes["unreadable"]:
        yield f"{notes['unreadable']} records cannot be opened and were left out; `mailward audit verify` may say more."
    for flips in found.most_first():
        yield ""
        yield f"{flips.count}: {flips.was}  ->  {flips.becomes}"
        yield f"  by {', '.join(f'{name} ({count})' for name, count in flips.rules.most_common())}"
        for one in flips.examples:
            yield f"  {one.at:%Y-%m-%d %H:%M} {one.queue_id} to {one.becomes.recipient}"
            yield from (f"    {sentence}" for sentence in one.becomes.trace)


def _as_json(found: Rehearsal, notes: Notes, begin: datetime) -> dict[str, Any]:
    return {
        "since": begin,
        "messages": found.messages,
        "decisions": found.decisions,
        "flips": found.flipped,
        **notes,
        "changes": [_flips(flips) for flips in found.most_first()],
    }


def _flips(flips: Flips) -> dict[str, Any]:
    return {
        "was": flips.was,
        "becomes": flips.becomes,
        "count": flips.count,
        "rules": dict(flips.rules.most_common()),
        "examples": [_example(one) for one in flips.examples],
    }


def _example(one: Example) -> dict[str, Any]:
    return {
        "queue_id": one.queue_id,
        "at": one.at,
        "recipient": one.becomes.recipient,
        "was": _decision(one.was),
        "becomes": _decision(one.becomes),
    }


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "action": one.action.value,
        "protected": one.protected,
        "methods": [method.value for method in one.methods],
        "rules": list(one.rules),
        "trace": list(one.trace),
    }
