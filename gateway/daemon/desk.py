"""What the portal may do to the queue: look a message up, have a code mailed, open, hand a new PIN to the sender.

Each action is one transaction with its audit event, durable before the portal answers (PO-13).
"""

from dataclasses import replace
from datetime import UTC, datetime

from gateway.audit import events
from gateway.delivery.about import About
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.record import Record
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState
from gateway.protect.notice import Cause
from gateway.store import queue
from gateway.store.errors import MissingRow
from gateway.store.rows import PortalMessage, open_portal, save_entry
from gateway.store.store import Store


class Desk:
    """The portal's callbacks."""

    def __init__(self, store: Store, own_mail: OwnMail, about: About, scheduler: Scheduler) -> None:
        self._store = store
        self._own_mail = own_mail
        self._scheduler = scheduler
        self._about = about

    async def load_message(self, queue_id: str) -> bytes:
        return await queue.load_body(self._store, queue_id)

    async def send_code(self, waiting: PortalMessage, code: str, reference: str) -> None:
        """Queue the mail with the code."""
        now = datetime.now(UTC)
        message = self._own_mail.code(waiting, code=code, reference=reference, now=now)
        record = Record(own=[message])
        record.add(
            events=[
                events.portal_code_sent(
                    at=now, queue_id=waiting.queue_id, recipient=waiting.recipient, code_id=message.id
                )
            ]
        )
        await self._commit(record)

    async def pin_exhausted(self, waiting: PortalMessage) -> None:
        """Too many wrong guesses: the sender is told a new PIN."""
        record = Record()
        why = "the PIN was typed wrong too often"
        await self._about.new_pin(waiting, record, cause=Cause.PIN_USED_UP, why=why, at=datetime.now(UTC))
        await self._commit(record)

    async def opened(self, waiting: PortalMessage, *, client_ip: str) -> None:
        """The recipient may read; the first time this ends the queue entry as picked up."""
        try:
            await self._note_opening(waiting, client_ip)
        except MissingRow:  # it ended at this very moment: opened by another browser, expired, or given back
            await self._note_opening(waiting, client_ip)

    async def _note_opening(self, waiting: PortalMessage, client_ip: str) -> None:
        now = datetime.now(UTC)
        record = Record()
        async with self._store.read() as conn:
            entry = await queue.one(conn, waiting.entry_id)
        if entry is not None and entry.state is EntryState.PORTAL:
            picked_up = replace(entry, state=EntryState.PICKED_UP)
            record.add(changes=[save_entry(picked_up, release=True), open_portal(waiting.token_hash, at=now)])
            await self._about.picked_up(picked_up, record, at=now)
        record.add(
            events=[
                events.portal_opened(
                    at=now,
                    queue_id=waiting.queue_id,
                    recipient=waiting.recipient,
                    client_ip=client_ip,
                    secret=waiting.secret,
                )
            ]
        )
        await self._commit(record)

    async def downloaded(self, waiting: PortalMessage, *, number: int, size: int, client_ip: str) -> None:
        """number: of the attachment, 0 for the whole message."""
        event = events.portal_downloaded(
            at=datetime.now(UTC),
            queue_id=waiting.queue_id,
            recipient=waiting.recipient,
            client_ip=client_ip,
            part=str(number),
            size=size,
        )
        await self._commit(Record(events=[event]))

    async def failed(self, waiting: PortalMessage, *, tries_left: int, client_ip: str) -> None:
        """A wrong code or PIN."""
        event = events.portal_code_failed(
            at=datetime.now(UTC),
            queue_id=waiting.queue_id,
            recipient=waiting.recipient,
            client_ip=client_ip,
            tries_left=tries_left,
        )
        await self._commit(Record(events=[event]))

    async def refused(self, waiting: PortalMessage, *, client_ip: str) -> None:
        """Its reader asked for another message's id, or for an attachment that it does not have."""
        event = events.portal_refused(
            at=datetime.now(UTC), queue_id=waiting.queue_id, recipient=waiting.recipient, client_ip=client_ip
        )
        await self._commit(Record(events=[event]))

    async def _commit(self, record: Record) -> None:
        await record.commit(self._store)
        self._scheduler.take_new(record.own)
