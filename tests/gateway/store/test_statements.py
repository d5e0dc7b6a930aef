"""Every statement of the hot path, as a batch runs it: for several rows at once."""

from collections.abc import Callable

import pytest

from gateway.store import decisions, rows
from gateway.store.persons import suspend
from gateway.store.rows import PortalMessage
from gateway.store.statements import Change, Op, Unit
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression, suppress
from gateway.store.vault import Vault
from tests.gateway.store.parts import NOW, accept, make_entry, make_message
from tests.gateway.store.test_decisions import stored

IDS = ("Q1", "Q2", "Q3")
TOKENS = {queue_id: queue_id.encode() * 16 for queue_id in IDS}


def waiting(queue_id: str) -> PortalMessage:
    entry = make_entry(queue_id)
    return PortalMessage(
        token_hash=TOKENS[queue_id], entry_id=entry.id, queue_id=queue_id, recipient=entry.recipient,
        sender=entry.sender, secret="code", published_at=NOW, expires_at=NOW,
    )  # fmt: skip


def decision(queue_id: str) -> Change:
    return decisions.record(Vault(bytes(32)), stored(queue_id))


# A change of each op for one of the messages; the inserts come from `new_message`.
CHANGES: dict[Op, Callable[[str], Change]] = {
    Op.CLEAR_CONTENT: lambda queue_id: rows.clear_content(queue_id, size=7),
    Op.INSERT_DECISION: decision,
    Op.SAVE_ENTRY: lambda queue_id: rows.save_entry(make_entry(queue_id), release=False),
    Op.RELEASE_ENTRY: lambda queue_id: rows.save_entry(make_entry(queue_id), release=True),
    Op.RENEW_LEASE: lambda queue_id: rows.renew_lease(f"{queue_id}-1", owner="node-1", until=NOW),
    Op.PUBLISH_PORTAL: lambda queue_id: rows.publish_portal(waiting(queue_id)),
    Op.OPEN_PORTAL: lambda queue_id: rows.open_portal(TOKENS[queue_id], at=NOW),
    Op.SET_PIN: lambda queue_id: rows.set_pin(TOKENS[queue_id], secret_hash="$argon2id$", tries=5),
    Op.CLOSE_PORTAL: lambda queue_id: rows.close_portal(TOKENS[queue_id]),
    Op.SAW_TLS: lambda queue_id: rows.saw_tls(f"{queue_id.lower()}.example", at=NOW, verified=True),
    Op.SUPPRESS: lambda queue_id: suppress(
        Suppression(address=f"{queue_id.lower()}@b.example", reason=Reason.BOUNCE, created_at=NOW, status="5.1.1")
    ),
    Op.SUSPEND_LINKS: lambda queue_id: suspend(f"{queue_id.lower()}@b.example", at=NOW),
    Op.DESTROY_FINISHED: rows.destroy_if_finished,
    Op.DESTROY: rows.destroy_key,
    Op.DROP_PIECES: rows.drop_pieces,
}
INSERTS = {Op.INSERT_MESSAGE, Op.INSERT_CONTENT, Op.INSERT_ENTRY}


async def test_three_messages_enter_in_one_unit(store: Store) -> None:
    sealed = [await store.seal_message(make_message(make_entry(queue_id))) for queue_id in IDS]
    changes = tuple(change for one in sealed for change in rows.new_message(one))
    assert {change.op for change in changes} == INSERTS
    await store.commit(Unit(changes=changes))


@pytest.mark.parametrize("op", CHANGES)
async def test_each_op_takes_several_rows_at_once(store: Store, op: Op) -> None:
    """A statement that cannot run as executemany spoils each batch, which is then replayed unit by unit, slowly."""
    for queue_id in IDS:
        await accept(store, make_message(make_entry(queue_id)))
    if op in {Op.OPEN_PORTAL, Op.SET_PIN, Op.CLOSE_PORTAL}:
        await store.commit(Unit(changes=tuple(rows.publish_portal(waiting(queue_id)) for queue_id in IDS)))
    await store.commit(Unit(changes=tuple(CHANGES[op](queue_id) for queue_id in IDS)))
    assert store.healthy


def test_every_op_is_tried() -> None:
    assert CHANGES.keys() | INSERTS == set(Op)
