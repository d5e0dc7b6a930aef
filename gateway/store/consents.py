"""The consent register. Entries are never changed but for their revocation, and never deleted: they are evidence."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.register_tables import consent as table
from gateway.store.store import Store
from gateway.store.vault import Vault
from policy.consent import Consent, Kind

SHOWN_KEY: Final = re.compile(r"id:[0-9a-f]{64}")
ASKED_AT_ONCE: Final = 500  # values in one statement; SQLite allows 32,766
LISTS: Final = ("purposes", "recipients", "topics")


def patient_key(vault: Vault, said: str) -> str:
    """Whom an address or a patient id of the organisation means; of an id only a keyed hash is kept. Empty: nobody."""
    text = said.strip()
    if not text:
        return ""
    return text.lower() if "@" in text else f"id:{vault.keyed_hash('patient', text)}"


def register_key(vault: Vault, said: str) -> str:
    """As `patient_key`, but a hash that a register showed means who it is there, so that an export can be read back."""
    text = said.strip()
    return text if SHOWN_KEY.fullmatch(text) else patient_key(vault, text)


async def add(store: Store, new: Sequence[Consent], *, events: Sequence[Event]) -> None:
    """Record entries: all of them or none."""

    async def work(conn: AsyncConnection) -> None:
        if new:
            await conn.execute(sa.insert(table), [_row(one) for one in new])

    await store.transact(work, events=lambda _: events)


async def revoke(
    store: Store, consent_id: str, *, at: datetime, events_of: Callable[[Consent], Sequence[Event]]
) -> Consent | None:
    """End one now. Returns: the entry as it was; None, and nothing is written, when there is none or it is revoked."""

    async def work(conn: AsyncConnection) -> Consent | None:
        standing = (table.c.id == consent_id) & table.c.revoked_at.is_(None)
        found = (await conn.execute(sa.select(table).where(standing))).mappings().first()
        if found is None:
            return None
        await conn.execute(sa.update(table).where(standing).values(revoked_at=at))
        return _read(found)

    return await store.transact(work, events=lambda was: () if was is None else events_of(was))


async def listing(conn: AsyncConnection, *, patient: str = "") -> tuple[Consent, ...]:
    """All entries, or those of one patient, oldest first."""
    query = sa.select(table).order_by(table.c.recorded_at, table.c.id)
    if patient:
        query = query.where(table.c.patient == patient)
    return tuple(_read(row) for row in (await conn.execute(query)).mappings())


async def of_patients(conn: AsyncConnection, patients: Collection[str]) -> tuple[Consent, ...]:
    """The entries of these patients that are not revoked; whether they are in force the caller must judge."""
    asked, found = sorted(set(patients)), list[Consent]()
    for start in range(0, len(asked), ASKED_AT_ONCE):
        some = table.c.patient.in_(asked[start : start + ASKED_AT_ONCE]) & table.c.revoked_at.is_(None)
        found += [_read(row) for row in (await conn.execute(sa.select(table).where(some))).mappings()]
    return tuple(found)


def _row(one: Consent) -> dict[str, object]:
    row = {column.name: getattr(one, column.name) for column in table.columns}
    return row | {"kind": one.kind.value} | {name: msgspec.json.encode(row[name]).decode() for name in LISTS}


def _read(row: sa.RowMapping) -> Consent:
    lists = {name: msgspec.json.decode(row[name], type=tuple[str, ...]) for name in LISTS}
    return Consent(**(dict(row) | {"kind": Kind(row["kind"])} | lists))
