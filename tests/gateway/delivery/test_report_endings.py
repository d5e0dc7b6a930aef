"""A TLS report in the queue (RFC 8460): goes past broken TLS, ends quietly, and is never counted in a report itself."""

from dataclasses import replace

import pytest

from gateway.message.entry import EntryState, MessageKind
from policy.decision import Method
from tests.gateway.delivery.office import DELIVERED, IN_CLEAR, REJECTED, Office, Saw, make_entries


@pytest.mark.parametrize(
    ("saw", "state", "result"),
    [
        (DELIVERED, EntryState.DELIVERED, "sent"),
        (IN_CLEAR, EntryState.DELIVERED, "sent"),
        (REJECTED, EntryState.BOUNCED, "dropped"),
    ],
)
async def test_it_ends_without_a_word(office: Office, saw: Saw, state: EntryState, result: str) -> None:
    """TL-29: a report that bounces makes no mail, so no two gateways ever answer each other's reports."""
    (entry,) = make_entries("rua@b.example", protected=False, methods=(Method.TLS,), sender="")
    office.see("rua@b.example", saw)
    message = await office.send(replace(entry, kind=MessageKind.TLS_REPORT), kind=MessageKind.TLS_REPORT)
    assert await office.state(message.id) is state
    assert office.taken == []
    page = office.metrics.page().decode()
    assert f'mailward_tls_reports_total{{result="{result}",via="mail"}} 1.0' in page or (
        f'mailward_tls_reports_total{{via="mail",result="{result}"}} 1.0' in page
    )
    (job,) = office.transport.jobs
    assert (job.is_reported, job.needs.is_content_free, job.mail_from) == (False, True, "")


async def test_what_goes_past_a_policy_is_not_counted(office: Office) -> None:
    """Of notices and bounces nobody asks what the domain publishes, so their sessions are no proof of it."""
    office.see("pat@b.example", REJECTED)
    message = await office.send(*make_entries("pat@b.example"))
    (dsn,) = office.own(MessageKind.DSN)
    assert dsn.about_id == message.id
    await office.work(dsn)
    assert [job.is_reported for job in office.transport.jobs] == [True, False]
