"""Which rules a person who releases a message knows to hold it: a register may have changed since it was held."""

from collections.abc import Mapping

from gateway.control.office import Office
from gateway.store import decisions
from policy.decision import Action, Decision
from policy.rules import RuleBook


async def known_holds(office: Office, queue_id: str) -> Mapping[str, frozenset[str]]:
    """By recipient, the rules of its last decision. Raises: DamagedContent."""
    async with office.store.read() as conn:
        records = await decisions.of_message(conn, office.store.vault, queue_id)
    return {one.recipient: frozenset(one.rules) for stored in records for one in stored.kept.decisions}


def newly_held(decision: Decision, known: Mapping[str, frozenset[str]], book: RuleBook) -> list[str]:
    """Rules that hold a recipient's copy now and did not when it was decided on; none where no record says so."""
    before = known.get(decision.recipient, frozenset(decision.rules))
    return [name for name in decision.rules if name not in before and book.by_name[name].action is Action.HOLD]
