"""Damaged content: one message is set aside, and the queue goes on."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.entry import EntryState, MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.store.store import Store
from gateway.store.tables import content
from policy.decision import Method
from tests.gateway.delivery.office import Office, make_entries, make_entry, words
from tests.gateway.delivery.test_scheduler import put, running, stands
from tests.gateway.waiting import until


async def damage(store: Store, queue_id: str) -> None:
    """Flip the last bit of a message's sealed body."""

    async def work(conn: AsyncConnection) -> None:
        where = (content.c.message_id == queue_id) & (content.c.part == "message")
        old = (await conn.execute(sa.select(content.c.ciphertext).where(where))).scalar_one()
        await conn.execute(sa.update(content).where(where).values(ciphertext=old[:-1] + bytes([old[-1] ^ 1])))

    await store.transact(work)


async def test_damaged_content_is_held_and_the_queue_goes_on(office: Office, store: Store) -> None:
    """QD-09, invariant 3: one message is set aside, in the audit log, and its sender is told; others leave."""
    bad = await put(store, *make_entries("a@b.example", "b@b.example"))
    await damage(store, bad.id)
    good = await put(store)
    async with running(store, office.clerk):
        await until(lambda: stands(store, good, EntryState.DELIVERED))

        async def is_held() -> bool:
            return {entry.state for entry in await office.entries(bad.id)} == {EntryState.HELD}

        await until(is_held)
    assert await office.kinds(bad.id) == ["message.held", "message.held"]
    (notice,) = office.own(MessageKind.SENDER_NOTICE)
    assert bad.id in words(notice)
    assert [job.recipients[0].address for job in office.transport.jobs] == [good.entries[0].recipient]


async def test_a_damaged_notice_gives_its_message_back(office: Office, store: Store) -> None:
    """Invariant 3: nobody can be told of the message in the portal any more."""
    message = await office.send(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    (notice,) = office.own(MessageKind.NOTICE)
    await damage(store, notice.id)
    async with running(store, office.clerk):
        await until(lambda: stands(store, message, EntryState.BOUNCED))
    assert await office.state(notice.id) is EntryState.BOUNCED
    assert len(office.own(MessageKind.DSN)) == 1
