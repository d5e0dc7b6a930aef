"""Other content for a message that waits: all of it or none, under the key that destroys it."""

import pytest

from gateway.store import queue, rows
from gateway.store.amend import amended
from gateway.store.content import PIECE_BYTES
from gateway.store.errors import ContentGone, MissingRow
from gateway.store.statements import Unit
from gateway.store.store import Store
from tests.gateway.store.parts import accept, make_entry, make_message


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, PIECE_BYTES + 1])
async def test_it_takes_the_place_of_what_was_there(store: Store, size: int) -> None:
    """Also where the new is shorter than the old by whole pieces, and the other way round."""
    for queue_id in ("Q1", "Q2"):
        await accept(store, make_message(make_entry(queue_id)))
    for length in (size, PIECE_BYTES * 2 + 1, size):
        body, report = b"b" * length, b"r" * size
        await store.commit(Unit(changes=await amended(store, "Q1", body=body, report=report)))
        assert await queue.load_body(store, "Q1") == body
        assert await queue.load_report(store, "Q1") == report
        async with store.read() as conn:
            facts = await queue.message_facts(conn, "Q1")
        assert facts is not None
        assert facts.size == length
    assert await queue.load_body(store, "Q2") == make_message(make_entry("Q2")).body


async def test_what_was_destroyed_stays_so(store: Store) -> None:
    """KY-06: nothing is written of a message whose key is gone, nor when it goes at that very moment."""
    await accept(store, make_message(make_entry("Q1")))
    changes = await amended(store, "Q1", body=b"new", report=b"")
    await store.commit(Unit(changes=(rows.destroy_key("Q1"),)))
    with pytest.raises(MissingRow):
        await store.commit(Unit(changes=changes))
    with pytest.raises(ContentGone):
        await amended(store, "Q1", body=b"new", report=b"")
    with pytest.raises(ContentGone):
        await queue.load_body(store, "Q1")
