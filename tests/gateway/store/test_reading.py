"""Many messages in one reading: each as it was accepted, or the reason why not, on every engine."""

from gateway.store.content import BODY as BODY_PART
from gateway.store.content import PIECE_BYTES
from gateway.store.errors import ContentGone, DamagedContent
from gateway.store.reading import Whole, load_whole, sizes_of
from gateway.store.rows import destroy_key
from gateway.store.statements import Unit
from gateway.store.store import Store
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import BODY, accept, make_entry, make_message

LARGE = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"end"


async def test_messages_are_read_together_as_they_were_accepted(store: Store) -> None:
    large = make_message(make_entry("Q2"), body=LARGE)
    first = make_message(make_entry("Q1", 1), make_entry("Q1", 2))
    for message in (first, large):
        await accept(store, message)
    assert await sizes_of(store, ["Q1", "Q2", "Q9"]) == {"Q1": len(BODY), "Q2": len(LARGE)}
    found = await load_whole(store, ["Q2", "Q1", "Q9", "Q1"])
    assert list(found) == ["Q2", "Q1"]
    whole = found["Q1"]
    assert isinstance(whole, Whole)
    assert (whole.body, whole.kind, whole.sender, whole.login, whole.envid, whole.ret, whole.about_id) == (
        BODY, first.kind, first.sender, first.login, first.envid, first.ret, first.about_id,
    )  # fmt: skip
    assert whole.received_at == first.received_at
    assert isinstance(found["Q2"], Whole)
    assert found["Q2"].body == LARGE


async def test_one_that_cannot_be_read_leaves_the_others(store: Store, home: Home) -> None:
    """QD-09, KY-08: damage and destruction are told of the one message only."""
    for number in range(1, 6):
        await accept(store, make_message(make_entry(f"Q{number}")))
    await store.commit(Unit(changes=(destroy_key("Q2"),)))
    swapped = f"part = '{BODY_PART}' AND message_id ="
    home.sql(f"DELETE FROM content WHERE {swapped} 'Q3'")  # noqa: S608  # names of the test
    home.sql(
        f"UPDATE content SET ciphertext = (SELECT ciphertext FROM content WHERE {swapped} 'Q1') WHERE {swapped} 'Q4'"  # noqa: S608
    )
    found = await load_whole(store, [f"Q{number}" for number in range(1, 6)])
    assert [type(found[f"Q{number}"]) for number in range(1, 6)] == [
        Whole, ContentGone, DamagedContent, DamagedContent, Whole,
    ]  # fmt: skip
    assert str(found["Q3"]).startswith("Q3: ")


async def test_nothing_is_asked_for_nothing(store: Store) -> None:
    assert await load_whole(store, []) == {}
    assert await sizes_of(store, []) == {}
