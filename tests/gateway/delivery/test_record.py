"""One transaction for all that a batch comes to, and patience with a store that is sick."""

import asyncio

import pytest

from gateway.delivery.record import Record
from gateway.message.entry import EntryState
from gateway.message.queue_id import new_queue_id
from gateway.store.rows import save_entry
from tests.gateway.delivery.office import Office, make_entry, make_message
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.store.parts import make_event
from tests.gateway.waiting import until


async def test_rows_events_and_own_mail_are_one_transaction(office: Office) -> None:
    """AU-06: a record whose last row is wrong leaves nothing behind, neither mail nor event."""
    own, ghost = make_message(make_entry(new_queue_id())), make_entry(new_queue_id())
    record = Record(own=[own])
    record.add(changes=[save_entry(ghost, release=True)], events=[make_event()])
    with pytest.raises(Exception, match="rows are not there"):
        await record.commit(office.store)
    assert await office.entries(own.id) == ()
    assert await office.events() == []


@pytest.mark.slow
async def test_an_outcome_is_kept_until_the_store_is_well(office: Office) -> None:
    """QD-06: what happened in the world cannot be taken back; it is written when writing works again."""
    disk = BadDisk(office.store)
    message = await office.accept(make_entry(new_queue_id()))
    await disk.break_()
    working = asyncio.create_task(office.work(message))
    await until(lambda: bool(office.transport.jobs))
    assert not working.done()
    assert await office.state(message.id) is EntryState.QUEUED
    disk.mend()
    async with asyncio.timeout(10):
        await working
    assert await office.state(message.id) is EntryState.DELIVERED
    assert len(office.transport.jobs) == 1
