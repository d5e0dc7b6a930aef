"""Agreements with business associates that end soon, or have: a gauge for monitoring and a warning for people.

Each agreement is warned of once for each of 60, 30 and 7 days before it ends and once when it has: a line in the log
and an event, by which it is known after a restart.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import admin
from gateway.audit.made import moment
from gateway.audit.search import Query, search
from gateway.log import get_logger
from gateway.metrics import Metrics
from gateway.store import organisations
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.baa import WARN_BEFORE, Organisation, Relation

EVERY: Final = timedelta(hours=1)
STANDS: Final = "in force"
ENDED: Final = "ended"
STATES: Final = (STANDS, *(f"ends within {span.days} days" for span in WARN_BEFORE), ENDED)

log = get_logger("daemon")


class Agreements:
    """One for the gateway."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._told: set[tuple[str, str, str]] | None = None

    async def look(self) -> None:
        """Count them, and warn of those that nobody was warned of. Raises: StoreError."""
        now = datetime.now(UTC)
        async with self._store.read() as conn:
            found = await organisations.everything(conn)
            told = self._told if self._told is not None else await _told_before(conn)
        self._told = told
        states = {one: state_of(one, now) for one in found if one.relation is Relation.ASSOCIATE}
        counted = Counter(states.values())
        for state in STATES:
            self._metrics.gauge("business_associates", state).set(counted[state])
        for one, state in states.items():
            if state == STANDS or one.ended_at is not None:  # a person ended it
                continue
            expires_at = "" if one.expires_at is None else moment(one.expires_at)
            if (what := (one.name, expires_at, state)) not in told:
                event = admin.baa_expiring(at=now, name=one.name, state=state, expires_at=one.expires_at)
                await self._store.commit(Unit(events=(event,)))
                told.add(what)
                log.warning("agreement with a business associate", organisation=one.name, agreement=state)


async def _told_before(conn: AsyncConnection) -> set[tuple[str, str, str]]:
    """What people were warned of by earlier runs."""
    return {
        (str(one.event.data["name"]), str(one.event.data["expires_at"]), str(one.event.data["state"]))
        for one in await search(conn, Query(kind="baa.expiring"))
    }


def state_of(one: Organisation, at: datetime) -> str:
    """One of STATES. What has not begun yet does not stand either."""
    if not one.in_force(at):
        return ENDED
    left = one.expires_within(at)
    return STANDS if left is None else f"ends within {left.days} days"
