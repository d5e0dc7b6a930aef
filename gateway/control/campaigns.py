"""The register of campaigns and studies for operators."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import registers as told
from gateway.control.register_rows import SHA256, read_all, read_date, read_recipient, read_texts, read_word
from gateway.control.wire import Refused
from gateway.store import campaigns
from gateway.store.store import Store
from policy.campaign import About, Audience, Basis, Campaign, Payment
from policy.purpose import PURPOSES, UNKNOWN

USAGE: Final = 2
COLUMNS: Final = (
    "name", "purpose", "about", "payment", "audience", "basis", "recipients", "reviewer", "reviewed", "document",
    "expires",
)  # fmt: skip
TAKEN: Final = "exists, or existed: a name means one text; choose another"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


async def add(store: Store, *, row: Mapping[str, str], by: str) -> dict[str, Any]:
    """Record one. row: `COLUMNS`. Raises: Refused with what is wrong with it, and for a name that was ever used."""
    now = datetime.now(UTC)
    try:
        new = read_campaign(row, by=by, now=now)
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    if await campaigns.add(store, [new], events=[told.campaign_recorded(new, at=now)]):
        raise Refused(f"{new.name} {TAKEN}")
    return _shown(new, now)


async def import_rows(
    store: Store, *, rows: Sequence[Mapping[str, str]], by: str, is_rehearsal: bool
) -> dict[str, Any]:
    """Record many, all or none. is_rehearsal: none in any case. Returns: `count`, and `faults` by row number."""
    now = datetime.now(UTC)
    async with store.read() as conn:
        names = set(await campaigns.by_name(conn))

    def read_row(row: Mapping[str, str]) -> Campaign:
        one = read_campaign(row, by=by, now=now)
        if one.name in names:
            raise ValueError(f"name: {one.name} {TAKEN}")
        names.add(one.name)
        return one

    read = read_all(rows, read_row)
    if not read.faults and not is_rehearsal:
        said = [told.campaign_recorded(one, at=now) for one in read.entries]
        if taken := await campaigns.add(store, read.entries, events=said):
            raise Refused(f"{taken} {TAKEN}; nothing was recorded")
    return {"count": len(read.entries), "faults": [list(fault) for fault in read.faults]}


async def end(store: Store, *, name: str, by: str, why: str) -> None:
    """End one now. Raises: Refused when there is none, or it has ended."""
    now = datetime.now(UTC)
    event = told.campaign_ended(at=now, name=name, by=by, why=why)
    if not await campaigns.end(store, name.lower(), at=now, events=[event]):
        raise Refused(f"there is no campaign {name}, or it has ended")


async def listing(store: Store) -> list[dict[str, Any]]:
    """All of them, by name."""
    async with store.read() as conn:
        found = await campaigns.everything(conn)
    return [_shown(one, datetime.now(UTC)) for one in found]


def read_campaign(row: Mapping[str, str], *, by: str, now: datetime) -> Campaign:
    """Raises: ValueError with what is missing or wrong, in words."""
    texts = read_texts(row, COLUMNS)
    name = texts["name"].lower()
    basis = read_word(texts["basis"] or Basis.NONE.value, tuple(Basis), "basis")
    about = read_word(texts["about"], tuple(About), "about")
    reviewed, expires = read_date(texts["reviewed"], "reviewed") or now, read_date(texts["expires"], "expires")
    recipients = tuple(dict.fromkeys(read_recipient(word) for word in texts["recipients"].split()))
    audience = read_word(texts["audience"], (Audience.PATIENTS, Audience.PUBLIC), "audience")
    document = texts["document"].lower()
    if not NAME.fullmatch(name):
        raise ValueError("name: 1 to 64 of a-z, 0-9, dot, hyphen and underscore")
    if not 1 <= len(texts["reviewer"]) <= 320:
        raise ValueError("reviewer: who read and approved it")
    if reviewed > now:
        raise ValueError("reviewed: lies in the future")
    if expires is not None and expires <= reviewed:
        raise ValueError("expires: is not after it was reviewed")
    if not SHA256.fullmatch(document):
        raise ValueError("document: the SHA-256 of what was reviewed, 64 hexadecimal digits")
    if (basis is not Basis.NONE) is not bool(recipients):
        raise ValueError(
            "recipients: a basis names whom it is for (45 CFR 164.514(e)(4)(ii)(B)), and they need a basis"
        )
    purpose = read_word(texts["purpose"].lower(), PURPOSES - {UNKNOWN}, "purpose")
    if (basis is not Basis.NONE) and purpose != "research":
        raise ValueError("basis: a waiver or a data use agreement is recorded for research")
    return Campaign(
        name=name,
        purpose=purpose,
        about=about,
        payment=read_word(texts["payment"] or Payment.NONE.value, tuple(Payment), "payment"),
        audience=audience,
        basis=basis,
        recipients=recipients,
        reviewer=texts["reviewer"],
        reviewed_at=reviewed,
        document=document,
        expires_at=expires,
        recorded_by=by,
        recorded_at=now,
    )


def _shown(one: Campaign, now: datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "purpose": one.purpose,
        "about": one.about.value,
        "payment": one.payment.value,
        "audience": one.audience.value,
        "basis": one.basis.value,
        "recipients": list(one.recipients),
        "in_force": one.in_force(now),
        "reviewer": one.reviewer,
        "reviewed_at": one.reviewed_at.isoformat(),
        "document": one.document,
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "ended_at": one.ended_at and one.ended_at.isoformat(),
        "recorded_by": one.recorded_by,
        "recorded_at": one.recorded_at.isoformat(),
    }
