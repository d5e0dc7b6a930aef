"""What the ending of our own mail means for the message that it is about.

A notice that cannot be delivered is a message that nobody will pick up: it comes back to its sender. A code that cannot
leave safely is replaced by a PIN. A sender who cannot be told anything is an incident for the operator.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

from gateway.audit import events
from gateway.delivery.letter import Letter
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.record import Record
from gateway.log import get_logger
from gateway.message import pickup
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.protect.notice import Cause
from gateway.store import portal, queue
from gateway.store.rows import PortalMessage, close_portal, destroy_if_finished, save_entry, set_pin
from gateway.store.store import Store

log = get_logger("delivery")


class About:
    """Looks the message up and adds to the record what changes for it."""

    def __init__(self, store: Store, own_mail: OwnMail) -> None:
        self._store = store
        self._own_mail = own_mail

    async def ended(
        self, letter: Letter, entry: QueueEntry, record: Record, *, is_delivered: bool, at: datetime
    ) -> None:
        """letter, entry: our own mail, after its last attempt."""
        if letter.kind is MessageKind.NOTICE:
            await self._notice_ended(letter, entry, record, is_delivered=is_delivered, at=at)
        elif letter.kind is MessageKind.CODE and not is_delivered:
            await self._code_failed(letter, entry, record, at=at)
        elif not is_delivered:
            log.error("sender could not be told", queue_id=letter.id, about=letter.about_id, kind=letter.kind.value)

    async def new_pin(self, waiting: PortalMessage, record: Record, *, cause: Cause, why: str, at: datetime) -> None:
        """From now on a fresh PIN opens the message, and the sender is told it. Nothing for mail without a sender."""
        async with self._store.read() as conn:
            entry = await queue.one(conn, waiting.entry_id)
        if entry is None or not entry.sender:
            return
        pin = pickup.new_pin()
        secret_hash = await asyncio.to_thread(pickup.hash_secret, pin)
        record.add(
            changes=[set_pin(waiting.token_hash, secret_hash=secret_hash, tries=pickup.TRIES)],
            events=[events.portal_pin_made(at=at, queue_id=entry.queue_id, recipient=entry.recipient, why=why)],
        )
        record.own.append(self._own_mail.climb_notice(entry, cause=cause, pin=pin, now=at))

    async def give_back(self, entry: QueueEntry, record: Record, *, why: str, at: datetime) -> None:
        """Save an ending that is no delivery, destroy what nobody needs any more, and tell the sender.

        entry: in its ending; the event that says which is the caller's.
        """
        record.add(changes=[save_entry(entry, release=True), destroy_if_finished(entry.queue_id)])
        if not entry.sender:
            return
        async with self._store.read() as conn:
            facts = await queue.message_facts(conn, entry.queue_id)
        if facts is None:
            return
        letter = Letter(
            id=facts.id,
            kind=facts.kind,
            sender=facts.sender,
            received_at=facts.received_at,
            envid=facts.envid,
            body=b"",
        )
        message = self._own_mail.failure(letter, [(entry, why, "")], now=at)
        record.own.append(message)
        record.add(events=[events.dsn_created(entry, at=at, dsn_id=message.id, action="failed", to=entry.sender)])

    async def _notice_ended(
        self, letter: Letter, entry: QueueEntry, record: Record, *, is_delivered: bool, at: datetime
    ) -> None:
        found = await self._find(letter.about_id, entry.recipient)
        if found is None:
            return
        waiting, original = found
        if is_delivered:
            record.add(events=[events.portal_noticed(original, at=at, notice_id=letter.id)])
            return
        bounced = replace(original, state=EntryState.BOUNCED, last_reply=entry.last_reply)
        why = "The notice that a message waits could not be delivered"
        record.add(
            changes=[close_portal(waiting.token_hash)],
            events=[events.delivery_bounced(bounced, at=at, why=why)],
        )
        await self.give_back(bounced, record, why=why, at=at)

    async def _code_failed(self, letter: Letter, entry: QueueEntry, record: Record, *, at: datetime) -> None:
        found = await self._find(letter.about_id, entry.recipient)
        if found is not None:
            why = "the code could not be mailed over a connection that is safe enough"
            await self.new_pin(found[0], record, cause=Cause.TLS_DEADLINE, why=why, at=at)

    async def _find(self, queue_id: str, recipient: str) -> tuple[PortalMessage, QueueEntry] | None:
        """The recipient's message in the portal, and its entry; None when it is there no longer."""
        async with self._store.read() as conn:
            for waiting in await portal.of_message(conn, queue_id):
                if waiting.recipient == recipient:
                    entry = await queue.one(conn, waiting.entry_id)
                    return (waiting, entry) if entry is not None else None
        return None
