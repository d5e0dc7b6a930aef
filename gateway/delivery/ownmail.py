"""Mail of our own, ready for the queue: the words are `protect.notice` and `message.dsn`, the envelope is made here.

All of it leaves from the null reverse path, so that nothing answers it for ever (RFC 5321 section 4.5.5), has one
recipient and one rung, and carries nothing of the message that it is about.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.config import Settings
from gateway.delivery.letter import Letter
from gateway.delivery.replies import codes_of
from gateway.message import dsn
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect import notice
from gateway.protect.notice import NEUTRAL_NAME, Braked, Cause, Climb, Code, Held, Origin, PortalLink, Secret
from gateway.store.rows import NewMessage, PortalMessage
from policy.brake import Reason
from policy.decision import Method
from policy.phi.report import Kind

CODE_LIFETIME: Final = timedelta(minutes=10)  # PO-01; a code that has not left by then is worth nothing
# An entry, one sentence why (empty: the status says it), the host that said so or "".
Told = Sequence[tuple[QueueEntry, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMailPolicy:
    """organisations: our domains and the names people know them by, the first one for mail without a sender.

    base_url: of the portal, without a slash at the end. held_for: how long nobody need decide on a held message.
    neutral: name and domain of who writes to recipients of what is sensitive; an empty domain is the first one.
    """

    hostname: str
    base_url: str
    organisations: Mapping[str, str]
    expire_after: timedelta
    held_for: timedelta
    neutral: tuple[str, str] = (NEUTRAL_NAME, "")

    @classmethod
    def of(cls, settings: Settings) -> "OwnMailPolicy":
        return cls(
            hostname=settings.server.hostname,
            base_url=settings.portal.base_url,
            organisations={domain.name: domain.organisation for domain in settings.domain},
            expire_after=settings.delivery.expire_after,
            held_for=settings.retention.held,
            neutral=(settings.portal.neutral_name, settings.portal.neutral_domain),
        )


class OwnMail:
    """lease: what new entries are born with, see `Scheduler.lease_until`."""

    def __init__(self, policy: OwnMailPolicy, lease: Callable[[], datetime | None]) -> None:
        self._policy = policy
        self._lease = lease

    def portal_notice(
        self, entry: QueueEntry, *, token: str, expires_at: datetime, asks_for: Secret, now: datetime
    ) -> NewMessage:
        """To the recipient: a message waits behind this link."""
        origin = self._towards_reader(entry.sender, now, is_neutral=entry.sensitive)
        link = PortalLink(
            recipient=entry.recipient,
            url=f"{self._policy.base_url}/m/{token}",
            expires_at=expires_at,
            asks_for=asks_for,
            is_neutral=entry.sensitive,
        )
        body = notice.portal_notice(origin, link)
        return self._new(MessageKind.NOTICE, origin, entry.recipient, body, about_id=entry.queue_id)

    def code(self, waiting: PortalMessage, *, code: str, reference: str, now: datetime) -> NewMessage:
        """To the recipient: the code they asked for. It leaves over the TLS of `portal.code_channel` or not at all."""
        origin = self._towards_reader(waiting.sender, now, is_neutral=waiting.sensitive)
        words = Code(recipient=waiting.recipient, code=code, reference=reference, is_neutral=waiting.sensitive)
        body = notice.code_mail(origin, words)
        return self._new(
            MessageKind.CODE,
            origin,
            waiting.recipient,
            body,
            about_id=waiting.queue_id,
            is_secret=True,
            is_sensitive=waiting.sensitive,
            lifetime=CODE_LIFETIME,
        )

    def climb_notice(self, about: QueueEntry, *, cause: Cause, pin: str, now: datetime) -> NewMessage:
        """To the sender: which way the message took and why, and the PIN to tell, if there is one."""
        origin = self._origin(about.sender, now)
        climb = Climb(
            sender=about.sender,
            recipient=about.recipient,
            cause=cause,
            method=about.method,
            message_number=about.queue_id,
            pin=pin.replace("-", ""),
        )
        body = notice.climb_notice(origin, climb)
        return self._new(
            MessageKind.SENDER_NOTICE,
            origin,
            about.sender,
            body,
            about_id=about.queue_id,
            is_secret=bool(pin),
            is_sensitive=about.sensitive,
        )

    def held_notice(self, held: Sequence[QueueEntry], *, now: datetime, reasons: tuple[str, ...] = ()) -> NewMessage:
        """To the sender: these recipients' copies wait for a person. reasons: see `Held`."""
        first = held[0]
        origin = self._origin(first.sender, now)
        words = Held(
            sender=first.sender,
            recipients=tuple(entry.recipient for entry in held),
            message_number=first.queue_id,
            until=now + self._policy.held_for,
            may_have_arrived=any(entry.possible_duplicate for entry in held),
            reasons=reasons,
        )
        body = notice.held_notice(origin, words)
        return self._new(MessageKind.SENDER_NOTICE, origin, first.sender, body, about_id=first.queue_id)

    def masked_notice(
        self, sender: str, recipients: Sequence[str], *, masked: Mapping[Kind, int], queue_id: str, now: datetime
    ) -> NewMessage:
        """To the sender: what a rule masked in the message; no value."""
        origin = self._origin(sender, now)
        words = notice.Masked(
            sender=sender, recipients=tuple(recipients), masked={kind.value: n for kind, n in masked.items()},
            message_number=queue_id,
        )  # fmt: skip
        body = notice.masked_notice(origin, words)
        return self._new(MessageKind.SENDER_NOTICE, origin, sender, body, about_id=queue_id)

    def brake_notice(self, held: QueueEntry, *, login: str, reason: Reason, now: datetime) -> NewMessage:
        """To the sender: what this login sends waits for a person, beginning with this message."""
        origin = self._origin(held.sender, now)
        braked = Braked(
            sender=held.sender,
            login=login,
            reason=reason,
            message_number=held.queue_id,
            until=now + self._policy.held_for,
        )
        body = notice.brake_notice(origin, braked)
        return self._new(MessageKind.SENDER_NOTICE, origin, held.sender, body, about_id=held.queue_id)

    def rule_notice(self, about: notice.RuleNotice, *, now: datetime) -> NewMessage:
        """To whoever a rule names: it applied to this message."""
        origin = self._origin(about.sender, now)
        body = notice.rule_notice(origin, about)
        return self._new(MessageKind.SENDER_NOTICE, origin, about.to, body, about_id=about.message_number)

    def failure(self, letter: Letter, told: Told, *, now: datetime) -> NewMessage:
        """To the sender: these recipients will not get the message."""
        return self._status_notice(dsn.failure_dsn, letter, told, "5.0.0", now)

    def delay(self, letter: Letter, told: Told, *, now: datetime) -> NewMessage:
        """To the sender: these recipients do not have it yet."""
        return self._status_notice(dsn.delay_dsn, letter, told, "4.4.7", now)

    def relayed(self, letter: Letter, told: Told, *, now: datetime) -> NewMessage:
        """To the sender who asked for it: the next server took the message."""
        return self._status_notice(dsn.relayed_dsn, letter, told, "2.0.0", now)

    def delivered(self, letter: Letter, told: Told, *, now: datetime) -> NewMessage:
        """To the sender who asked for it: the recipient has the message."""
        return self._status_notice(dsn.delivered_dsn, letter, told, "2.0.0", now)

    def _status_notice(
        self,
        make: Callable[[dsn.Report, Sequence[dsn.RecipientReport]], bytes],
        letter: Letter,
        told: Told,
        default: str,
        now: datetime,
    ) -> NewMessage:
        origin = self._origin(letter.sender, now)
        report = dsn.Report(
            hostname=self._policy.hostname,
            from_address=f"postmaster@{origin.domain}",
            sender=letter.sender,
            queue_id=letter.id,
            dsn_id=origin.notice_id,
            received_at=letter.received_at,
            now=now,
            envid=letter.envid,
            message_id=letter.message_id,
            date=letter.date,
            requiretls=any(entry.requiretls for entry, _, _ in told),
        )
        recipients = [
            dsn.RecipientReport(
                address=entry.recipient,
                status=_status(entry, default),
                reply=codes_of(entry.last_reply) if entry.protected else entry.last_reply,
                remote_mta=host,
                orcpt=entry.orcpt,
                retry_until=entry.expires_at,
                explanation=f"{why}." if why else "",
            )
            for entry, why, host in told
        ]
        body = make(report, recipients)
        return self._new(MessageKind.DSN, origin, letter.sender, body, about_id=letter.id, requiretls=report.requiretls)

    def _towards_reader(self, sender: str, now: datetime, *, is_neutral: bool) -> Origin:
        """Whoever sees a mailbox sees its senders: what is sensitive comes from nobody who tells a speciality."""
        origin = self._origin(sender, now)
        if not is_neutral:
            return origin
        name, domain = self._policy.neutral
        return replace(origin, organisation=name, domain=domain or next(iter(self._policy.organisations)))

    def _origin(self, sender: str, now: datetime) -> Origin:
        domain = sender.rpartition("@")[2]
        if domain not in self._policy.organisations:
            domain = next(iter(self._policy.organisations))
        return Origin(
            organisation=self._policy.organisations[domain],
            domain=domain,
            hostname=self._policy.hostname,
            notice_id=new_queue_id(),
            now=now,
        )

    def _new(
        self,
        kind: MessageKind,
        origin: Origin,
        to: str,
        body: bytes,
        *,
        about_id: str,
        is_secret: bool = False,
        is_sensitive: bool = False,
        requiretls: bool = False,
        lifetime: timedelta | None = None,
    ) -> NewMessage:
        """is_secret: it carries a code or a PIN, so it is protected mail with no rung but verified TLS.

        requiretls: it is about a message that asked for it, see `needs.REPORT`.
        """
        entry = QueueEntry(
            id=f"{origin.notice_id}-1",
            queue_id=origin.notice_id,
            kind=kind,
            sender="",
            recipient=to,
            state=EntryState.QUEUED,
            protected=is_secret,
            methods=(Method.TLS,),
            queued_at=origin.now,
            next_attempt_at=origin.now,
            expires_at=origin.now + (lifetime or self._policy.expire_after),
            notify=frozenset({Notify.NEVER}),
            requiretls=requiretls,
            urgent=kind is MessageKind.CODE,
            sensitive=is_sensitive,
        )
        return NewMessage(
            id=origin.notice_id,
            kind=kind,
            sender="",
            received_at=origin.now,
            body=body,
            entries=(entry,),
            about_id=about_id,
            lease_until=self._lease(),
        )


def _status(entry: QueueEntry, default: str) -> str:
    """The status of the last reply when its class fits what is told, else the default of what is told."""
    status = dsn.status_of(entry.last_reply, default=default)
    return status if status[0] == default[0] else default
