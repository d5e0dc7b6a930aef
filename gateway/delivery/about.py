"""What the ending of our own mail means for the message that it is about.

A notice that cannot be delivered is a message that nobody will pick up: it comes back to its sender. A code that cannot
leave safely is replaced by a PIN. A PIN that cannot reach the sender brings the message back, too. A sender who cannot
be told anything is an incident for the operator: an audit event, a metric with an alarm, and an error in the log.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.audit import events
from gateway.delivery.letter import Letter
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.record import Record
from gateway.delivery.replies import codes_of
from gateway.log import get_logger
from gateway.message import pickup
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.metrics import Metrics
from gateway.protect.notice import Cause, Secret
from gateway.store import portal, queue
from gateway.store.rows import PortalMessage, close_portal, destroy_if_finished, save_entry, set_pin
from gateway.store.store import Store

UNREADABLE: Final = "its content cannot be read any more"
PICKED_UP: Final = "250 2.1.5 Picked up"
UNKNOWN_GROUNDS: Final = "the record of its decision cannot be read any more"
UNRECORDED: Final = "what became of an attempt could not be recorded, so it may have arrived"

log = get_logger("delivery")


class About:
    """Looks the message up and adds to the record what changes for it."""

    def __init__(self, store: Store, own_mail: OwnMail, metrics: Metrics | None = None) -> None:
        """metrics: None for a command, which nobody asks for numbers."""
        self._store = store
        self._own_mail = own_mail
        self._metrics = metrics

    async def ended(
        self, letter: Letter, entry: QueueEntry, record: Record, *, is_delivered: bool, at: datetime
    ) -> None:
        """letter, entry: our own mail, after its last attempt."""
        if letter.kind is MessageKind.NOTICE:
            await self._notice_ended(letter, entry, record, is_delivered=is_delivered, at=at)
        elif letter.kind is MessageKind.CODE and not is_delivered:
            await self._code_failed(letter, entry, record, at=at)
        elif letter.kind is MessageKind.TLS_REPORT:
            if not is_delivered:  # nobody is told: a report on a report would never end
                log.warning("TLS report not delivered", queue_id=letter.id, to=entry.recipient)
        elif not is_delivered:
            if letter.kind is MessageKind.SENDER_NOTICE and entry.protected:
                await self._pin_failed(letter, record, at=at)
            self._incident(letter, entry, record, at=at)

    async def dropped(self, entry: QueueEntry, record: Record, *, at: datetime) -> None:
        """The same for mail of our own that an operator took out of the queue; who does that needs no alarm."""
        letter = await self._letter(entry.queue_id)
        if letter is None:
            return
        if letter.kind is MessageKind.NOTICE:
            await self._notice_ended(letter, entry, record, is_delivered=False, at=at)
        elif letter.kind is MessageKind.CODE:
            await self._code_failed(letter, entry, record, at=at)
        elif letter.kind is MessageKind.SENDER_NOTICE and entry.protected:
            await self._pin_failed(letter, record, at=at)

    async def new_pin(self, waiting: PortalMessage, record: Record, *, cause: Cause, why: str, at: datetime) -> None:
        """From now on a fresh PIN opens the message, and the sender is told it. Nothing for mail without a sender."""
        async with self._store.read() as conn:
            entry = await queue.one(conn, waiting.entry_id)
        if entry is None or not entry.sender or entry.archive:
            return
        pin = pickup.new_pin()
        secret_hash = await asyncio.to_thread(pickup.hash_secret, pin)
        record.add(
            changes=[set_pin(waiting.token_hash, secret_hash=secret_hash, tries=pickup.TRIES)],
            events=[events.portal_pin_made(at=at, queue_id=entry.queue_id, recipient=entry.recipient, why=why)],
        )
        record.own.append(self._own_mail.climb_notice(entry, cause=cause, pin=pin, now=at))

    async def give_back(self, entries: Sequence[QueueEntry], record: Record, *, why: str, at: datetime) -> None:
        """Save endings that are no delivery, destroy what nobody needs any more, and tell the sender once (OB-11).

        entries: of one message, in their ending; the events that say which are the caller's.
        """
        queue_id = entries[0].queue_id
        record.add(changes=[*(save_entry(entry, release=True) for entry in entries), destroy_if_finished(queue_id)])
        told = [entry for entry in entries if entry.sender and Notify.FAILURE in entry.notify]
        letter = await self._letter(queue_id)
        if not told or letter is None:
            return
        message = self._own_mail.failure(letter, [(entry, why, "") for entry in told], now=at)
        record.own.append(message)
        record.add(
            events=[
                events.dsn_created(entry, at=at, dsn_id=message.id, action="failed", to=entry.sender) for entry in told
            ]
        )

    async def picked_up(self, entry: QueueEntry, record: Record, *, at: datetime) -> None:
        """Tell the sender who asked for it (RFC 3461 section 4.1): in the portal this is what delivery means.

        entry: in its ending, which is the caller's to save.
        """
        letter = await self._letter(entry.queue_id)
        if letter is None or not entry.sender or Notify.SUCCESS not in entry.notify:
            return
        told = replace(entry, last_reply=PICKED_UP)
        message = self._own_mail.delivered(letter, [(told, "It was opened with the code or PIN", "")], now=at)
        record.own.append(message)
        record.add(events=[events.dsn_created(entry, at=at, dsn_id=message.id, action="delivered", to=entry.sender)])

    async def set_aside(self, entries: Sequence[QueueEntry], record: Record, *, why: str, at: datetime) -> None:
        """Nothing more can be done without a person: the message is held, and its sender is told.

        entries: of one message. why: UNREADABLE when it fails its seal (QD-09); UNRECORDED when trying again would be a
        duplicate each time. Mail of our own is not held: it ends, and the message that it is about with it.
        """
        letter = await self._letter(entries[0].queue_id)
        if letter is None or letter.kind is MessageKind.MAIL:
            may_have_arrived = why is UNRECORDED
            held = [
                replace(
                    entry,
                    state=EntryState.HELD,
                    possible_duplicate=entry.possible_duplicate or may_have_arrived,
                )
                for entry in entries
            ]
            record.add(
                changes=[save_entry(entry, release=True) for entry in held],
                events=[events.message_held(entry, at=at, why=why) for entry in held],
            )
            if held[0].sender and (told := [entry for entry in held if not entry.archive]):
                record.own.append(self._own_mail.held_notice(told, now=at))
            return
        for entry in entries:
            bounced = replace(entry, state=EntryState.BOUNCED)
            record.add(
                changes=[save_entry(bounced, release=True)],
                events=[events.delivery_bounced(bounced, at=at, why=why)],
            )
            await self.ended(letter, bounced, record, is_delivered=False, at=at)

    def _incident(self, letter: Letter, entry: QueueEntry, record: Record, *, at: datetime) -> None:
        """OB-11: somebody who sent something does not know what became of it, and only a person can tell."""
        record.add(events=[events.incident_untold(entry, at=at, about_id=letter.about_id, what=letter.kind.value)])

        def alarm() -> None:
            if self._metrics is not None:
                self._metrics.counter("senders_untold", letter.kind.value).inc()
            log.error(
                "sender could not be told",
                queue_id=letter.id,
                about=letter.about_id,
                kind=letter.kind.value,
                sender=entry.recipient,
                last_reply=codes_of(entry.last_reply) or "none",
            )

        record.afterwards.append(alarm)

    async def _letter(self, queue_id: str) -> Letter | None:
        """What is known of a message without opening it."""
        async with self._store.read() as conn:
            facts = await queue.message_facts(conn, queue_id)
        if facts is None:
            return None
        return Letter(
            id=facts.id,
            kind=facts.kind,
            sender=facts.sender,
            received_at=facts.received_at,
            envid=facts.envid,
            about_id=facts.about_id,
            body=b"",
        )

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
        if original.state is not EntryState.PORTAL:
            return  # it was picked up by a notice whose arrival we never learned of: one ending is enough
        bounced = replace(original, state=EntryState.BOUNCED, last_reply=entry.last_reply)
        why = "The notice that a message waits could not be delivered"
        record.add(
            changes=[close_portal(waiting.token_hash)],
            events=[events.delivery_bounced(bounced, at=at, why=why)],
        )
        await self.give_back([bounced], record, why=why, at=at)

    async def _code_failed(self, letter: Letter, entry: QueueEntry, record: Record, *, at: datetime) -> None:
        found = await self._find(letter.about_id, entry.recipient)
        if found is not None and found[0].secret == Secret.CODE:  # else a PIN was told since, and stays
            why = "the code could not be mailed over a connection that is safe enough"
            await self.new_pin(found[0], record, cause=Cause.TLS_DEADLINE, why=why, at=at)

    async def _pin_failed(self, letter: Letter, record: Record, *, at: datetime) -> None:
        """Nobody can tell the PIN, so nobody can open the message: it comes back now, not when its time is over."""
        why = "The PIN that opens it could not be told to you over a connection that is safe enough"
        ended: list[QueueEntry] = []
        async with self._store.read() as conn:
            for waiting in await portal.of_message(conn, letter.about_id):
                entry = await queue.one(conn, waiting.entry_id)
                if waiting.secret == Secret.PIN and entry is not None and entry.state is EntryState.PORTAL:
                    ended.append(replace(entry, state=EntryState.BOUNCED))
                    record.add(
                        changes=[close_portal(waiting.token_hash)],
                        events=[events.delivery_bounced(ended[-1], at=at, why=why)],
                    )
        if ended:
            await self.give_back(ended, record, why=why, at=at)

    async def _find(self, queue_id: str, recipient: str) -> tuple[PortalMessage, QueueEntry] | None:
        """The recipient's message in the portal, and its entry; None when it is there no longer."""
        async with self._store.read() as conn:
            for waiting in await portal.of_message(conn, queue_id):
                if waiting.recipient == recipient:
                    entry = await queue.one(conn, waiting.entry_id)
                    return (waiting, entry) if entry is not None else None
        return None
