"""Every decision is written down with its facts, in the same transaction, under the policy that made it."""

import json
from typing import Final

import pytest

from gateway.message.verdict import Verdict
from gateway.store import decisions
from gateway.store.decisions import Stored
from gateway.store.errors import StoreFull
from gateway.store.statements import Op, Unit
from gateway.store.store import Store
from policy.decide import decide
from policy.decision import Action
from policy.record import Cause
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import PHI, Counter, letter
from tests.gateway.pipeline.test_registers import DOC, TREATMENT, packs, send

REFUSES: Final = """
[[policy.rule]]
name = "never"
when = 'recipient.domain == "b.example"'
action = "reject"
"""


async def records(store: Store, queue_id: str) -> tuple[Stored, ...]:
    async with store.read() as conn:
        return await decisions.of_message(conn, store.vault, queue_id)


async def test_a_decision_can_be_made_again_from_its_record(store: Store) -> None:
    """Item 13: facts, answers of the registers and the decisions; which policy it was."""
    counter = Counter(store, PHI, settings=packs("part2", "consent"))
    entry = await send(counter, DOC, *TREATMENT[:2])
    (one,) = await records(store, entry.queue_id)
    assert (one.cause, one.kept.asked) == (Cause.RECEIVED, ("consent", "baa", "people"))
    assert one.kept.patient.startswith("id:")
    assert decide(one.kept.facts, counter.pipeline.rules) == one.kept.decisions
    assert one.kept.decisions[0].methods == entry.methods
    async with store.read() as conn:
        policy = json.loads(await decisions.policy_body(conn, one.policy_id))
    assert "part2/consent" in policy["rules"]


async def test_a_refusal_is_written_down_too(store: Store) -> None:
    """Nothing else of it is kept, so this is all that explains it."""
    counter = Counter(store, PHI, settings=settings(REFUSES))
    assert await counter.submit(letter()) is Verdict.REJECTED_BY_POLICY
    (event,) = await counter.events("message.refused")
    (one,) = await records(store, event.queue_id)
    assert (one.cause, one.kept.decisions[0].action) == (Cause.REFUSED, Action.REJECT)


async def test_no_decision_without_its_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction: the unit that queues has the record in it, and when it fails neither is there."""
    units: list[Unit] = []

    async def full(unit: Unit) -> None:
        units.append(unit)
        raise StoreFull("no room")

    counter = Counter(store)
    monkeypatch.setattr(store, "commit", full)
    assert await counter.submit(letter()) is Verdict.STORE_FULL
    assert {Op.INSERT_ENTRY, Op.INSERT_DECISION} <= {change.op for change in units[-1].changes}
