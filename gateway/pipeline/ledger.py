"""Every decision is written down with its facts, in the transaction that obeys it, under the policy that made it."""

from collections.abc import Sequence
from datetime import datetime

from gateway.pipeline.bindings import INDEX, Bindings
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.registers import Registers
from gateway.store import decisions
from gateway.store.decisions import Stored
from gateway.store.errors import RowRefused
from gateway.store.statements import Change
from gateway.store.store import Store
from policy.decision import Decision
from policy.facts import Facts
from policy.record import Cause, keep


class Ledger:
    """One for who decides."""

    def __init__(self, store: Store, finder: FactFinder, registers: Registers) -> None:
        self._store = store
        self._registers = registers
        self._index = (INDEX,) if Bindings(store, finder.rules.facts).asks_anything else ()
        self._version = finder.version
        self._is_known = False

    async def begin(self, at: datetime) -> None:
        """Have the policy written down before its first decision is. Raises: StoreError."""
        if self._is_known:
            return
        try:
            await decisions.know_policy(self._store, self._version, at=at)
        except RowRefused:  # another node of the installation has just done so
            await decisions.know_policy(self._store, self._version, at=at)
        self._is_known = True

    def entry(
        self, queue_id: str, facts: Facts, decided: Sequence[Decision], *, cause: Cause, at: datetime, patient: str = ""
    ) -> Change:  # fmt: skip
        """The row. at: its own for each act of deciding on one message. patient: whom it is about, as the registers
        name him."""
        kept = keep(
            facts, decided,
            patient=patient,
            asked=(*self._registers.asks(facts.sent.purpose), *self._index),
        )  # fmt: skip
        stored = Stored(queue_id=queue_id, at=at, cause=cause, policy_id=self._version.id, kept=kept)
        return decisions.record(self._store.vault, stored)
