"""Sealed content: of any size, invisible until committed, opened only where it belongs, and destroyed in time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.message.entry import EntryState, QueueEntry
from gateway.store import queue, sqlite, writer
from gateway.store.engines import truncate_wal
from gateway.store.errors import (
    ContentGone,
    DamagedContent,
    RowRefused,
    StoreFull,
)
from gateway.store.rows import (
    NewMessage,
    Sealed,
    destroy_if_finished,
    destroy_key,
    new_message,
    save_entry,
)
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import BODY, accept, files_of, make_entry, make_event, make_message, open_store

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("size", [0, 300 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024])
async def test_content_of_any_size_reads_back(store: Store, size: int) -> None:
    """Inline, sealed in a thread, and written ahead in pieces."""
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    message = make_message(body=body)
    await accept(store, message)
    assert await queue.load_body(store, message.id) == body


async def test_large_content_is_invisible_until_its_unit_commits(store: Store, home: Home) -> None:
    """QD-02: pieces written ahead of a message that never came are swept; nothing is half-visible."""
    abandoned, discarded = make_message(body=bytes(2_000_000)), make_message(body=bytes(2_000_000))
    await store.seal_message(abandoned)
    await store.seal_message(discarded)
    assert owners(home) == {abandoned.id, discarded.id}
    await store.discard(discarded.id)
    assert owners(home) == {abandoned.id}
    async with store.read() as conn:
        assert await queue.listing(conn, queue.Filter()) == ()
    await store.close()
    again = await home.open()
    await again.close()
    assert owners(home) == set()


async def test_a_large_message_that_cannot_be_committed_gives_its_space_back(store: Store, home: Home) -> None:
    """QD-07: or every refused attempt of a client would take more of a full disk."""
    entry = make_entry("Q1")
    await accept(store, make_message(entry))
    again = await store.seal_message(make_message(entry, id="Q9", body=bytes(2_000_000)))
    assert owners(home) == {"Q1", "Q9"}
    with pytest.raises(RowRefused):
        await store.commit(Unit(changes=new_message(again)))
    await asyncio.sleep(0)  # the removal is queued
    await store.commit(Unit(events=(make_event(),)))
    assert owners(home) == {"Q1"}


async def test_of_several_messages_none_is_left_behind(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QD-07: the forms of one message are one unit; where the second does not fit, the first gives its space back."""
    first, second = make_message(body=bytes(2_000_000)), make_message(body=bytes(2_000_000))
    seal = store.seal_message

    async def fills(new: NewMessage) -> Sealed:
        if new.id == second.id:
            raise StoreFull
        return await seal(new)

    monkeypatch.setattr(store, "seal_message", fills)
    with pytest.raises(StoreFull):
        await store.seal_messages([first, second])
    await asyncio.sleep(0)  # the removal is queued
    await store.commit(Unit(events=(make_event(),)))
    assert owners(home) == set()


async def test_content_goes_with_the_last_ending(store: Store) -> None:
    """Invariant 4: two recipients that end in one batch leave no content behind, one alone does not destroy it."""
    first, second, third = (make_entry("Q1", number) for number in (1, 2, 3))
    await accept(store, make_message(first, second, third))

    def ending(entry: QueueEntry) -> Unit:
        ended = replace(entry, state=EntryState.DELIVERED)
        return Unit(changes=(save_entry(ended, release=True), destroy_if_finished("Q1")))

    await store.commit(ending(first))
    assert await queue.load_body(store, "Q1") == BODY
    await asyncio.gather(store.commit(ending(second)), store.commit(ending(third)))
    with pytest.raises(ContentGone):
        await queue.load_body(store, "Q1")
    async with store.read() as conn:
        facts = await queue.message_facts(conn, "Q1")
    assert facts is not None
    assert not facts.is_sealed


async def test_nothing_of_the_content_reaches_the_disk_in_clear(file_store: Store, tmp_path: Path) -> None:
    """KY-01: database, WAL and shared memory hold no marker, before, while and after a message is stored."""
    marker = b"Zwetschgenkuchen-4711"
    small = make_message(body=b"Subject: x\r\n\r\n" + marker, report=b'{"m":"' + marker + b'"}')
    large = make_message(body=marker * 100_000)
    await accept(file_store, small)
    await accept(file_store, large)
    await file_store.commit(Unit(changes=(destroy_key(large.id),)))
    files = files_of(tmp_path)
    assert {"mailward.db", "mailward.db-wal"} <= {file.name for file in files}
    assert [file.name for file in files if marker in file.read_bytes()] == []


async def test_other_rows_cannot_be_made_to_open(store: Store, home: Home) -> None:
    """KY-02, KY-08: swapped ciphertext and swapped wrapped keys end in DamagedContent for that message only."""
    for queue_id in ("Q1", "Q2", "Q3"):
        await accept(store, make_message(make_entry(queue_id)))
    await store.close()
    home.sql(
        "UPDATE content SET ciphertext ="
        " (SELECT ciphertext FROM content WHERE message_id = 'Q2' AND part = 'message')"
        " WHERE (message_id = 'Q1' AND part = 'message') OR (message_id = 'Q2' AND part = 'report')"
    )
    again = await home.open()
    with pytest.raises(DamagedContent, match="Q1"):
        await queue.load_body(again, "Q1")
    with pytest.raises(DamagedContent, match="Q2"):
        await queue.load_report(again, "Q2")
    assert await queue.load_body(again, "Q3") == BODY
    await again.close()


async def test_a_sealed_message_shows_no_content_in_its_repr(store: Store) -> None:
    sealed = await store.seal_message(make_message(body=b"Zwetschgenkuchen"))
    shown = repr(sealed) + repr(new_message(sealed))
    assert "Zwetschgenkuchen" not in shown
    assert "ciphertext" not in shown


async def test_a_destroyed_key_is_nowhere_on_disk(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KY-06: soon after, neither database nor WAL holds the wrapped key or the ciphertext, free pages included."""
    monkeypatch.setattr(writer, "SHRED_DELAY_S", 0.0)
    cut = asyncio.Event()

    async def truncate_and_tell(engine: AsyncEngine) -> bool:
        is_done = await truncate_wal(engine)
        cut.set()
        return is_done

    monkeypatch.setattr(sqlite, "truncate_wal", truncate_and_tell)
    store = await open_store(tmp_path, vault)
    await cut.wait()  # the one of the start
    cut.clear()
    kept, shredded = make_message(), make_message()
    await accept(store, kept)
    sealed = await store.seal_message(shredded)
    await store.commit(Unit(changes=new_message(sealed)))
    secrets = [sealed.wrapped_key, *(piece["ciphertext"] for piece in sealed.pieces)]
    assert all(holders(tmp_path, secret) for secret in secrets)
    await store.commit(Unit(changes=(destroy_key(shredded.id),)))
    await cut.wait()
    assert [holders(tmp_path, secret) for secret in secrets] == [[], [], []]
    assert await queue.load_body(store, kept.id) == BODY
    await store.close()


async def test_a_start_cuts_away_what_a_killed_run_had_destroyed(
    file_store: Store, tmp_path: Path, vault: Vault
) -> None:
    """KY-06: the process may end between the destruction and the cut; closing cuts as well."""
    message = make_message()
    sealed = await file_store.seal_message(message)
    await file_store.commit(Unit(changes=new_message(sealed)))
    await file_store.commit(Unit(changes=(destroy_key(message.id),)))
    assert holders(tmp_path, sealed.wrapped_key) == ["mailward.db-wal"]
    copy = tmp_path / "killed"
    copy.mkdir()
    for file in files_of(tmp_path):
        (copy / file.name).write_bytes(file.read_bytes())
    again = await open_store(copy, vault)
    await again.close()
    assert holders(copy, sealed.wrapped_key) == []
    await file_store.close()
    assert holders(tmp_path, sealed.wrapped_key) == []


def holders(data_dir: Path, secret: bytes) -> list[str]:
    return [file.name for file in files_of(data_dir) if secret in file.read_bytes()]


def owners(home: Home) -> set[str]:
    """The messages that have pieces in the database."""
    return {queue_id for (queue_id,) in home.sql("SELECT DISTINCT message_id FROM content")}
