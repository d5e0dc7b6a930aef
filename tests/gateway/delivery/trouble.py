"""A store whose disk can be taken away and given back."""

from gateway.store.errors import StoreError, StoreSick
from gateway.store.statements import Unit
from gateway.store.store import Store


class BadDisk:
    """Everything that is written fails from `break_` until `mend`; the store finds out as it would from the kernel."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fault: StoreSick | None = None
        store._database.fault = lambda: self._fault  # type: ignore[method-assign]  # what a stat of the file would say

    async def break_(self) -> None:
        self._fault = StoreSick("the database file cannot be reached")
        try:
            await self._store.commit(Unit())
        except StoreError:
            return
        raise AssertionError("the store did not notice")

    def mend(self) -> None:
        """The store recovers by itself, at its next probe."""
        self._fault = None
