"""Reports on the registers: which consents and agreements stand, which end soon, and who is on none of them."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from gateway.control.office import Office
from gateway.store import consents, organisations
from gateway.store.strangers import strangers
from policy.baa import Organisation, Relation
from policy.consent import Consent


async def consent(office: Office, *, since: str) -> dict[str, Any]:
    """Returns: `counts` by kind of what is in force; `entries` in force, and those that ended since then."""
    now, begin = datetime.now(UTC), datetime.fromisoformat(since)
    async with office.store.read() as conn:
        found = await consents.listing(conn)
    standing = [one for one in found if one.in_force(now)]
    ended = [one for one in found if (end := _end(one, now)) is not None and end >= begin]
    return {
        "counts": dict(sorted(Counter(one.kind.value for one in standing).items())),
        "entries": [_consent(one, now) for one in (*standing, *ended)],
    }


async def baa(office: Office, *, since: str) -> dict[str, Any]:
    """Returns: `organisations` with the state of their agreements; `unknown`: domains on no register that got
    protected mail since then, for review."""
    now, begin = datetime.now(UTC), datetime.fromisoformat(since)
    ours = frozenset(domain.name for domain in office.settings.domain)
    async with office.store.read() as conn:
        found = await organisations.everything(conn)
        unknown = await strangers(conn, since=begin, ours=ours)
    return {
        "organisations": [_organisation(one, now) for one in found],
        "unknown": [
            {
                "domain": one.domain,
                "copies": one.copies,
                "first_at": one.first_at.isoformat(),
                "last_at": one.last_at.isoformat(),
            }
            for one in unknown
        ],
    }


def _end(one: Consent, now: datetime) -> datetime | None:
    """When an entry ended, if it has."""
    return min((at for at in (one.revoked_at, one.expires_at) if at is not None and at <= now), default=None)


def _consent(one: Consent, now: datetime) -> dict[str, Any]:
    end = _end(one, now)
    return {
        "id": one.id,
        "kind": one.kind.value,
        "patient": one.patient,
        "purposes": list(one.purposes),
        "recipients": list(one.recipients),
        "state": "in force" if one.in_force(now) else "revoked" if one.revoked_at else "expired",
        "given_at": one.given_at.isoformat(),
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "ended_at": end and end.isoformat(),
        "recorded_by": one.recorded_by,
    }


def _organisation(one: Organisation, now: datetime) -> dict[str, Any]:
    left = one.expires_within(now)
    if one.in_force(now):
        state = "in force" if left is None else f"ends within {left.days} days"
    else:
        state = "ended" if one.agreed_at else "missing" if one.relation is Relation.ASSOCIATE else "none needed"
    return {
        "name": one.name,
        "relation": one.relation.value,
        "state": state,
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "domains": list(one.domains),
        "purposes": list(one.purposes),
        "contact": one.contact,
    }
