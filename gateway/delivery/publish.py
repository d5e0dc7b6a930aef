"""Putting a message into the portal: link, secret, notice to the recipient, word to the sender, all in one record.

The portal does not undo what TLS refused (PO-02): link and code in the same mailbox over a path without TLS would hand
both to whoever listens. So where verified TLS could not be had, a PIN that the sender tells opens the message.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gateway.audit import events
from gateway.config.modes import CodeChannel
from gateway.delivery.outcome import NONE_ON_FILE, Outcome, Seen
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.record import Record
from gateway.message import pickup
from gateway.message.entry import EntryState, QueueEntry
from gateway.protect.notice import Cause, Secret
from gateway.store.rows import PortalMessage, publish_portal, save_entry
from policy.decision import Method
from tls.failures import TlsFailure

CAUSES: Final = {
    TlsFailure.NOT_OFFERED: Cause.NO_TLS,
    TlsFailure.STARTTLS_REFUSED: Cause.NO_TLS,
    TlsFailure.OLD_VERSION: Cause.OLD_TLS,
    TlsFailure.EXPIRED: Cause.BAD_CERTIFICATE,
    TlsFailure.NOT_YET_VALID: Cause.BAD_CERTIFICATE,
    TlsFailure.SELF_SIGNED: Cause.BAD_CERTIFICATE,
    TlsFailure.WRONG_NAME: Cause.BAD_CERTIFICATE,
    TlsFailure.UNKNOWN_CA: Cause.BAD_CERTIFICATE,
    TlsFailure.UNTRUSTED: Cause.BAD_CERTIFICATE,
    TlsFailure.UNVOUCHED_MX: Cause.BAD_CERTIFICATE,
}


def cause_of(outcome: Outcome) -> Cause:
    """Why a rung was left, for the sender's eyes."""
    if outcome.reply == NONE_ON_FILE:
        return Cause.NO_KEY
    if outcome.seen in (Seen.NO_KEY, Seen.KEY_PENDING):
        return Cause.KEY_UNFIT
    if outcome.seen is Seen.NOT_8BITMIME:
        return Cause.NOT_8BIT
    if outcome.seen is not Seen.TLS_REFUSED:
        return Cause.TLS_DEADLINE
    failures = [result.tls_failure for result in outcome.hosts if result.tls_failure is not None]
    return CAUSES.get(failures[-1], Cause.TLS_DEADLINE) if failures else Cause.TLS_DEADLINE


NO_WAY_TO_ARCHIVE: Final = "an archive that verified TLS does not reach would need a PIN, which nobody could be told"


class Publisher:
    """lifetime: `portal.message_lifetime`. channel: what TLS is enough for a mailed code."""

    def __init__(self, own_mail: OwnMail, *, lifetime: timedelta, channel: CodeChannel) -> None:
        self._own_mail = own_mail
        self._lifetime = lifetime
        self._channel = channel

    async def publish(self, entry: QueueEntry, record: Record, *, cause: Cause, at: datetime) -> None:
        """Record a publication. entry: on its portal rung. cause: why it is there.

        An archive's copy that needs a PIN is held: nobody could be told one, for its sender does not know of it.
        """
        if entry.archive and self._needs_pin(entry, cause):
            held = replace(entry, state=EntryState.HELD)
            record.add(
                changes=[save_entry(held, release=True)],
                events=[events.message_held(held, at=at, why=NO_WAY_TO_ARCHIVE)],
            )
            return
        pin = pickup.new_pin() if self._needs_pin(entry, cause) else ""
        expires_at = at + self._lifetime
        waiting = replace(entry, state=EntryState.PORTAL, expires_at=expires_at)
        asks_for = Secret.PIN if pin else Secret.CODE
        token = pickup.new_token()
        published = PortalMessage(
            token_hash=pickup.hash_token(token),
            entry_id=entry.id,
            queue_id=entry.queue_id,
            recipient=entry.recipient,
            sender=entry.sender,
            secret=asks_for.value,
            secret_hash=await asyncio.to_thread(pickup.hash_secret, pin) if pin else "",
            tries_left=pickup.TRIES if pin else 0,
            published_at=at,
            expires_at=expires_at,
            sensitive=entry.sensitive,
        )
        record.add(
            changes=[save_entry(waiting, release=True), publish_portal(published)],
            events=[events.portal_published(waiting, at=at, secret=asks_for.value, expires_at=expires_at)],
        )
        record.own.append(
            self._own_mail.portal_notice(waiting, token=token, expires_at=expires_at, asks_for=asks_for, now=at)
        )
        if entry.sender and not entry.archive and (pin or entry.rung > 0):
            record.own.append(self._own_mail.climb_notice(waiting, cause=cause, pin=pin, now=at))

    def _needs_pin(self, entry: QueueEntry, cause: Cause) -> bool:
        """Verified TLS was not to be had, and what there is, is not enough. Without a sender nobody can tell a PIN."""
        has_no_safe_mailbox = entry.tls_refused or Method.TLS in entry.methods[: entry.rung]
        is_encrypted_enough = self._channel is CodeChannel.ENCRYPTED and cause is Cause.BAD_CERTIFICATE
        return bool(entry.sender) and has_no_safe_mailbox and not is_encrypted_enough
