"""The register of organisations and their agreements for operators."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.audit import admin
from gateway.control import ended
from gateway.control.office import Office
from gateway.control.register_rows import Maker, read_all, read_organisation
from gateway.control.wire import Refused
from gateway.message.queue_id import new_queue_id
from gateway.store import organisations
from gateway.store.store import Store
from policy.baa import Organisation

USAGE = 2


async def add(store: Store, *, row: Mapping[str, str], by: str, renews: bool) -> dict[str, Any]:
    """Record one. row: `ORGANISATION_COLUMNS`. renews: in place of the one of this name.

    Raises: Refused with what is wrong with it, and when its name or a domain is taken.
    """
    now = datetime.now(UTC)
    try:
        new = read_organisation(row, _maker(by, now))
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    await _record(store, [new], now=now, renews=renews)
    return _shown(new, now)


async def import_rows(
    store: Store, *, rows: Sequence[Mapping[str, str]], by: str, is_rehearsal: bool, renews: bool
) -> dict[str, Any]:
    """Record many, all or none. is_rehearsal: none in any case. Returns: `count`, and `faults` by row number."""
    now = datetime.now(UTC)
    read = read_all(rows, partial(read_organisation, maker=_maker(by, now)))
    if not read.faults and not is_rehearsal:
        await _record(store, read.entries, now=now, renews=renews)
    return {"count": len(read.entries), "faults": [list(fault) for fault in read.faults]}


async def end(office: Office, *, name: str, by: str, why: str) -> dict[str, int]:
    """End an agreement now. Returns: what became of mail that waits.

    Raises: Refused when there is no such organisation, or it has ended.
    """
    now = datetime.now(UTC)
    event = admin.baa_ended(at=now, name=name, by=by, why=why)
    if not await organisations.end(office.store, name, at=now, events=(event,)):
        raise Refused(f"{name} is not on the register, or has ended")
    async with office.store.read() as conn:
        (was,) = [one for one in await organisations.everything(conn) if one.name == name]
    return await ended.after_agreement(office, was)


async def listing(store: Store) -> list[dict[str, Any]]:
    """All of them, by name."""
    async with store.read() as conn:
        found = await organisations.everything(conn)
    return [_shown(one, datetime.now(UTC)) for one in found]


async def _record(store: Store, new: Sequence[Organisation], *, now: datetime, renews: bool) -> None:
    said = [admin.baa_recorded(one, at=now) for one in new]
    if obstacle := await organisations.add(store, new, renews=renews, events=said):
        raise Refused(f"{obstacle}; nothing was recorded")


def _maker(by: str, now: datetime) -> Maker:
    return Maker(by=by, now=now, key=str, new_id=new_queue_id)


def _shown(one: Organisation, now: datetime) -> dict[str, Any]:
    left = one.expires_within(now)
    return {
        "name": one.name,
        "relation": one.relation.value,
        "domains": list(one.domains),
        "purposes": list(one.purposes),
        "qsoa": one.is_qsoa,
        "in_force": one.in_force(now),
        "expires_within_days": None if left is None else left.days,
        "agreed_at": one.agreed_at and one.agreed_at.isoformat(),
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "ended_at": one.ended_at and one.ended_at.isoformat(),
        "contact": one.contact,
        "recorded_by": one.recorded_by,
        "recorded_at": one.recorded_at.isoformat(),
    }
