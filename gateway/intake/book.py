"""The book of passwords that the store's people make, and the record of those that were wrong."""

from datetime import UTC, datetime

from gateway.audit import events
from gateway.store import people
from gateway.store.statements import Unit
from gateway.store.store import Store


class PeopleBook:
    """A `PasswordBook` on an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, address: str) -> str | None:
        """The hash of a person who may sign in. address: lower case, as people are kept."""
        async with self._store.read() as conn:
            person = await people.get(conn, address)
        return person.password_hash if person and person.disabled_at is None else None

    async def note_failure(self, address: str, ip: str) -> None:
        """A wrong password for somebody enters the audit log (45 CFR 164.308(a)(5)(ii)(C), log-in monitoring)."""
        if await self.get(address) is not None:
            event = events.auth_failed(at=datetime.now(UTC), login=address, client_ip=ip)
            await self._store.commit(Unit(events=(event,)))
