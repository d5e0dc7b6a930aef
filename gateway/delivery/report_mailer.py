"""Puts TLS reports into the queue: one message for each address, to be tried until the report's day is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.delivery.record import Record
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.message.tls_report import ReportMail, report_mail
from gateway.store.rows import NewMessage
from gateway.store.store import Store
from policy.decision import Method
from tls.tlsrpt.report import Report

SHORTEST: Final = timedelta(hours=1)  # that a report is tried for, however late it was made


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMailer:
    """author: mailbox, in the domain that signs. hostname: ours, for Message-ID."""

    store: Store
    scheduler: Scheduler
    author: str
    organisation: str
    hostname: str

    async def send(self, report: Report, packed: bytes, to: str, *, now: datetime, until: datetime) -> None:
        """Durable when this returns. packed: `report.pack()`. to: mailbox as DNS has it. Waits out a sick store."""
        message = self._message(report, packed, to, now, max(until, now + SHORTEST))
        await Record(own=[message]).commit(self.store)
        self.scheduler.take_new([message])

    def _message(self, report: Report, packed: bytes, to: str, now: datetime, until: datetime) -> NewMessage:
        """From the null reverse path, so that nothing answers it (RFC 5321 section 4.5.5)."""
        local, _, domain = to.rpartition("@")
        queue_id, recipient = new_queue_id(), f"{local}@{domain.lower()}"
        heading = ReportMail(
            author=self.author,
            organisation=self.organisation,
            to=recipient,
            message_id=f"{queue_id}@{self.hostname}",
            now=now,
        )
        entry = QueueEntry(
            id=f"{queue_id}-1",
            queue_id=queue_id,
            kind=MessageKind.TLS_REPORT,
            sender="",
            recipient=recipient,
            state=EntryState.QUEUED,
            protected=False,
            methods=(Method.TLS,),
            queued_at=now,
            next_attempt_at=now,
            expires_at=until,
            notify=frozenset({Notify.NEVER}),
        )
        return NewMessage(
            id=queue_id,
            kind=MessageKind.TLS_REPORT,
            sender="",
            received_at=now,
            body=report_mail(heading, report, packed),
            entries=(entry,),
            lease_until=self.scheduler.lease_until,
        )
