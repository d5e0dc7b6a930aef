"""`mailward explain ID`: why a message that the gateway had was treated as it was, from its decision records."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from gateway.cli.context import Status, fail, print_json, printable
from gateway.cli.explain_words import as_json, as_lines
from gateway.config import Settings
from gateway.control.owner import owners_files
from gateway.message.queue_id import ALPHABET, LENGTH
from gateway.store import decisions
from gateway.store.decisions import Correction, Stored
from gateway.store.errors import MasterKeyError, StoreError
from gateway.store.opening import reading_sealed
from policy.rules.version import OldPolicy, read_policy

QUEUE_ID: Final = re.compile(f"[{ALPHABET}]{{{LENGTH}}}", re.IGNORECASE)
POLICY_LETTERS: Final = 12  # of a hash that a line shows


def explain_stored(settings: Settings, queue_id: str, *, is_json: bool) -> None:
    """Print every decision on a message, and what was corrected since. Raises: Failure."""
    try:
        with owners_files(settings.server.data_dir):
            records, policies, corrections = asyncio.run(_load(settings, queue_id.upper()))
    except MasterKeyError as error:
        fail(str(error), Status.BAD_CONFIG)
    except (StoreError, OSError) as error:
        fail(str(error))
    if not records:
        fail(f"there is no record of a decision on {queue_id}")
    if is_json:
        print_json(
            {
                "queue_id": queue_id.upper(),
                "decisions": [_as_json(one, policies[one.policy_id]) for one in records],
                "corrections": [_correction(one) for one in corrections],
            }
        )
        return
    for one in records:
        for line in _lines(one, policies[one.policy_id]):
            click.echo(printable(line))
    for correction in corrections:
        what = "the reason was wrong" if correction.action is None else f"it should have been {correction.action}"
        click.echo(printable(
            f"corrected {correction.at:%Y-%m-%d %H:%M} UTC by {correction.recorded_by}, to {correction.recipient}:"
            f" {what}: {correction.why}"
        ))  # fmt: skip


async def _load(
    settings: Settings, queue_id: str
) -> tuple[Sequence[Stored], dict[str, OldPolicy], Sequence[Correction]]:
    async with reading_sealed(settings) as store, store.read() as conn:
        records = await decisions.of_message(conn, store.vault, queue_id)
        bodies = {one.policy_id: await decisions.policy_body(conn, one.policy_id) for one in records}
        corrections = await decisions.corrections(conn, store.vault, queue_id)
    return records, {name: read_policy(body) for name, body in bodies.items()}, corrections


def _lines(one: Stored, policy: OldPolicy) -> Iterator[str]:
    kept = one.kept
    head = f"{one.queue_id} {one.cause} {one.at:%Y-%m-%d %H:%M:%S} UTC, policy {one.policy_id[:POLICY_LETTERS]}"
    lines = as_lines(
        head, kept.thin.sent.sender, kept.thin, kept.decisions,
        verdicts=policy.rules.verdicts(kept.facts), asked=kept.asked,
    )  # fmt: skip
    yield from (line for line in lines if line)
    if kept.rest:
        yield f"  found besides: {', '.join(f'{kind} {count}' for kind, count in sorted(kept.found.items()))} in all"
    yield f"  registers asked: {', '.join(kept.asked) or 'none'}"
    if policy.unread:
        yield f"  rules that this release cannot read: {', '.join(policy.unread)}"
    yield ""


def _as_json(one: Stored, policy: OldPolicy) -> dict[str, Any]:
    kept = one.kept
    told = as_json(
        one.queue_id, kept.thin, kept.decisions, 0.0, verdicts=policy.rules.verdicts(kept.facts), asked=kept.asked
    )
    del told["file"], told["seconds"]
    return {
        "at": one.at,
        "cause": one.cause.value,
        "policy": one.policy_id,
        "asked": list(kept.asked),
        "found": {kind.value: count for kind, count in kept.found.items()},
        "unread_rules": list(policy.unread),
        **told,
    }


def _correction(one: Correction) -> dict[str, Any]:
    return {
        "at": one.at,
        "by": one.recorded_by,
        "recipient": one.recipient,
        "action": None if one.action is None else one.action.value,
        "why": one.why,
    }
