"""`mailward report consent`, `report baa` and `report disclosures`: what the registers and decision records say."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, fail, print_json, print_table, settings_option
from gateway.cli.registers import tell_rows
from gateway.config import Settings
from gateway.config.values import parse_duration
from gateway.control.owner import owners_files
from gateway.message.entry import EntryState
from gateway.store import decisions, queue
from gateway.store.consents import patient_key
from gateway.store.decisions import Stored
from gateway.store.errors import ContentError, MasterKeyError, StoreError
from gateway.store.opening import reading_sealed
from policy.disclosures import ACCOUNTED, is_accounted
from policy.record import Cause

GONE_OUT: Final = frozenset({EntryState.DELIVERED, EntryState.PORTAL, EntryState.PICKED_UP})
CONSENTS: Final = ("kind", "state", "patient", "purposes", "recipients", "given_at", "expires_at", "ended_at")
AGREEMENTS: Final = ("name", "relation", "state", "expires_at", "domains", "purposes", "contact")
UNKNOWN: Final = ("domain", "copies", "first_at", "last_at")
DISCLOSURES: Final = ("at", "recipient", "purpose", "permitted_by", "what", "patient", "state", "queue_id")
JSON: Final = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def _since(default: str) -> Callable[[Any], Any]:
    return click.option("--since", default=default, show_default=True, metavar="DURATION", help="How far to look back.")


@click.command()
@_since("30d")
@JSON
@settings_option
def consent(settings: Settings, *, since: str, as_json: bool) -> None:
    """Count and list consents in force, and those that ended lately."""
    found = ask(settings, "report.consent", since=_begin(since).isoformat())
    if as_json:
        print_json(found)
        return
    click.echo(", ".join(f"{kind}: {count}" for kind, count in found["counts"].items()) or "nothing is in force")
    tell_rows(found["entries"], CONSENTS, as_json=False)


@click.command()
@_since("30d")
@JSON
@settings_option
def baa(settings: Settings, *, since: str, as_json: bool) -> None:
    """List agreements and their state, and unknown domains that got protected mail, for review."""
    found = ask(settings, "report.baa", since=_begin(since).isoformat())
    if as_json:
        print_json(found)
        return
    tell_rows(found["organisations"], AGREEMENTS, as_json=False)
    if found["unknown"]:
        click.echo("\nOn no register, and got protected mail; say with `mailward baa add` what they are:")
        print_table([[row[column] for column in UNKNOWN] for row in found["unknown"]], UNKNOWN)


@click.command()
@click.option("--patient", default="", metavar="WHO", help="Only this one: address or id, as the messages named it.")
@_since("6y")
@JSON
@settings_option
def disclosures(settings: Settings, *, patient: str, since: str, as_json: bool) -> None:
    """List disclosures that a patient can ask an accounting of (45 CFR 164.528), as far as mail made them.

    A message counts whose purpose is accounted for, or unknown, and which held health information. Of a message that
    did not name its patient nobody knows here whose it is: look into the patient's record as well.
    """
    begin = _begin(since)
    try:
        with owners_files(settings.server.data_dir):
            rows = asyncio.run(_disclosures(settings, patient, begin))
    except MasterKeyError as error:
        fail(str(error), Status.BAD_CONFIG)
    except (StoreError, OSError) as error:
        fail(str(error))
    tell_rows(rows, DISCLOSURES, as_json=as_json)


async def _disclosures(settings: Settings, patient: str, begin: datetime) -> list[dict[str, Any]]:
    rows, after = list[dict[str, Any]](), (begin, "")
    async with reading_sealed(settings) as store:
        whose = patient_key(store.vault, patient)
        while True:
            async with store.read() as conn:
                page = await decisions.sealed_since(conn, begin, causes=[Cause.RECEIVED], after=after)
                for row in page:
                    try:
                        stored = decisions.opened(row, store.vault)
                    except ContentError:
                        click.echo(f"mailward: the record of {row['queue_id']} cannot be opened", err=True)
                        continue
                    if patient and stored.kept.patient != whose:
                        continue
                    told = list(_accounted(stored))
                    states = {one.recipient: one.state for one in await queue.of_message(conn, stored.queue_id)}
                    rows += [
                        {**one, "state": states[one["recipient"]].value}
                        for one in told
                        if states.get(one["recipient"]) in GONE_OUT
                    ]
            if len(page) < decisions.AT_ONCE:
                return rows
            after = page[-1]["at"], page[-1]["queue_id"]


def _accounted(stored: Stored) -> Iterator[dict[str, Any]]:
    """45 CFR 164.528(b)(2): date, who received it, what it was in brief, and for which purpose."""
    kept = stored.kept
    sent, purpose = kept.thin.sent, kept.thin.sent.purpose or "unknown"
    if not kept.thin.report.phi:
        return
    for to in kept.thin.recipients:
        if to.address.rpartition("@")[2].lower() in sent.our_domains or not is_accounted(purpose, to):
            continue
        yield {
            "at": stored.at.isoformat(),
            "recipient": to.address,
            "purpose": purpose,
            "permitted_by": ACCOUNTED[purpose],
            "what": sorted(kind.value for kind in kept.found if kind.is_health or kind.is_topic),
            "patient": kept.patient,
            "queue_id": stored.queue_id,
        }


def _begin(since: str) -> datetime:
    try:
        return datetime.now(UTC) - parse_duration(since)
    except ValueError as why:
        fail(str(why), Status.USAGE)
