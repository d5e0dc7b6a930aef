"""The consent register for operators."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.audit import admin
from gateway.control import ended
from gateway.control.office import Office
from gateway.control.register_rows import Maker, read_all, read_consent
from gateway.control.wire import Refused
from gateway.message.queue_id import new_queue_id
from gateway.store import consents
from gateway.store.consents import register_key
from gateway.store.store import Store
from policy.commercial import last_day
from policy.consent import Consent, Kind

USAGE = 2


async def add(store: Store, *, row: Mapping[str, str], by: str) -> dict[str, Any]:
    """Record one. row: `CONSENT_COLUMNS`. Returns: it. Raises: Refused with what is wrong with it."""
    now = datetime.now(UTC)
    try:
        new = read_consent(row, _maker(store, by, now))
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    await consents.add(store, [new], events=[admin.consent_recorded(new, at=now)])
    return {**_shown(new, now), "late_since": _late_since(new, now)}


async def import_rows(
    store: Store, *, rows: Sequence[Mapping[str, str]], by: str, is_rehearsal: bool
) -> dict[str, Any]:
    """Record many, all or none. is_rehearsal: none in any case. Returns: `count`, and `faults` by row number."""
    now = datetime.now(UTC)
    read = await asyncio.to_thread(read_all, rows, partial(read_consent, maker=_maker(store, by, now)))
    if not read.faults and not is_rehearsal:
        await consents.add(store, read.entries, events=[admin.consent_recorded(one, at=now) for one in read.entries])
    return {"count": len(read.entries), "faults": [list(fault) for fault in read.faults]}


async def revoke(office: Office, *, consent_id: str, by: str, why: str) -> dict[str, Any]:
    """End one now. Returns: it, as it was, and what became of mail that waits (`queue`).

    Raises: Refused when there is none, or it is revoked already.
    """
    now = datetime.now(UTC)
    was = await consents.revoke(
        office.store, consent_id, at=now, events_of=lambda one: [admin.consent_revoked(one, at=now, by=by, why=why)]
    )
    if was is None:
        raise Refused(f"there is no consent {consent_id}, or it is revoked already")
    return {**_shown(was, now), "queue": await ended.after_consent(office, was)}


async def listing(store: Store, *, patient: str = "") -> list[dict[str, Any]]:
    """All entries, or those of one patient: an address, or the organisation's id."""
    async with store.read() as conn:
        found = await consents.listing(conn, patient=register_key(store.vault, patient))
    return [_shown(one, datetime.now(UTC)) for one in found]


def _late_since(new: Consent, now: datetime) -> str:
    """The last day to honour an opt-out that came before it was recorded, when that day has passed; else empty."""
    last = last_day(new.given_at.date())
    return last.isoformat() if new.kind is Kind.OPT_OUT and last < now.date() else ""


def _maker(store: Store, by: str, now: datetime) -> Maker:
    return Maker(by=by, now=now, key=partial(register_key, store.vault), new_id=new_queue_id)


def _shown(one: Consent, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "patient": one.patient,
        "kind": one.kind.value,
        "purposes": list(one.purposes),
        "recipients": list(one.recipients),
        "topics": list(one.topics),
        "covers": one.covers,
        "in_force": one.in_force(now),
        "given_at": one.given_at.isoformat(),
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "revoked_at": one.revoked_at and one.revoked_at.isoformat(),
        "evidence": one.evidence,
        "recorded_by": one.recorded_by,
        "recorded_at": one.recorded_at.isoformat(),
    }
