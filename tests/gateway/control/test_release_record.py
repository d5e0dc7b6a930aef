"""Invariant 6: a message that is released was decided on a second time, and the audit log says why it may leave now."""

from gateway.audit.search import Query, search
from gateway.control import queue as control
from gateway.control.office import Office
from gateway.store.store import Store
from tests.gateway.control.test_queue import add_key, hold, only_openpgp
from tests.gateway.delivery.office import RECIPIENT


async def test_the_new_decision_is_on_record(store: Store) -> None:
    queue_id = await hold(store)
    await add_key(store, RECIPIENT)
    await control.release(Office(store, only_openpgp()), queue_id=queue_id, reason="key came by mail")
    async with store.read() as conn:
        held, freed = [one.event for one in await search(conn, Query(kind="message.decided", queue_id=queue_id))]
    assert (held.data["action"], freed.data["action"]) == ("hold", "protect")
    assert freed.data["methods"] == ["openpgp"]
    assert freed.data["found"] == held.data["found"]
    assert freed.data["trace"] != held.data["trace"]
