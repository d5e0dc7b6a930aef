"""A TLS report on its way into the queue: durable, from nobody, for as long as its day asks (RFC 8460 5.5)."""

from datetime import UTC, date, datetime, timedelta

from gateway.delivery.report_mailer import SHORTEST, ReportMailer
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import MessageKind
from gateway.message.envelope import Notify
from gateway.store import queue
from tests.gateway.delivery.office import Office
from tests.gateway.message.test_tls_report import made

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


async def test_it_waits_in_the_queue(office: Office) -> None:
    report = made("partner.example")
    mailer = ReportMailer(
        store=office.store, scheduler=Scheduler(office.store, office.clerk), author="tls@clinic.example",
        organisation="Clinic A", hostname="gw.clinic.example",
    )  # fmt: skip
    for until in (NOW + timedelta(hours=20), NOW):
        await mailer.send(report, report.pack(), "Tls.Team@Partner.Example", now=NOW, until=until)
    async with office.store.read() as conn:
        entries = await queue.listing(conn, queue.Filter())
    assert sorted(entry.expires_at - NOW for entry in entries) == [SHORTEST, timedelta(hours=20)]
    first = entries[0]
    assert (first.kind, first.sender, first.recipient) == (MessageKind.TLS_REPORT, "", "Tls.Team@partner.example")
    assert (first.notify, first.protected) == (frozenset({Notify.NEVER}), False)
    body = await queue.load_body(office.store, first.queue_id)
    assert b"TLS-Report-Domain: partner.example\r\n" in body
    assert report.day == date(2026, 11, 23)
