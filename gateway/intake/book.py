"""The book of passwords that the store's people make."""

from gateway.store import people
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
