"""What a session counts as (TL-29), and how the sums are kept until they are written down."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from gateway.delivery.dialer import NoConnection
from gateway.delivery.dialogue import Closed
from gateway.delivery.outcome import Seen
from gateway.delivery.routes import Hop
from gateway.delivery.tls_report import SeenTls, TlsLedger, seen_at, seen_refused
from tls.failures import TlsFailure
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Sts
from tls.published import Published
from tls.requirement import HopTls
from tls.tlsrpt.count import Peer, Session
from tls.tlsrpt.results import PolicyType

DOMAIN, MX = "b.example", "mx1.b.example"
POLICY = StsPolicy(mode=Mode.ENFORCE, max_age_s=86_400, mx=("*.b.example",))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ledger(limit: int = 10) -> tuple[TlsLedger, list[int]]:
    lost: list[int] = []
    return TlsLedger(clock=lambda: NOON, overflow=lambda: lost.append(1), limit=limit), lost


def hop(*, is_vouched: bool = False) -> Hop:
    return Hop(host=MX, port=25, tls=HopTls(is_vouched=is_vouched))


def no_session(failure: TlsFailure | None, local_ip: str = "") -> NoConnection:
    return NoConnection(Closed(Seen.TLS_REFUSED, "550 5.7.5 no", failure), "192.0.2.1", local_ip=local_ip)


def test_a_failed_session_says_where_it_failed() -> None:
    seen = seen_at(hop(), DOMAIN, no_session(TlsFailure.EXPIRED))
    assert seen is not None
    assert (seen.failure, seen.peer) == (TlsFailure.EXPIRED, Peer(mx_host=MX, receiving_ip="192.0.2.1"))


@pytest.mark.parametrize(("local_ip", "told"), [("9.9.9.9", "9.9.9.9"), ("10.1.2.3", ""), ("fd00::1", ""), ("::1", "")])
def test_our_address_is_told_where_it_is_public(local_ip: str, told: str) -> None:
    """RFC 8460 4.4, sending-mta-ip; what our network looks like behind a NAT is not told to strangers."""
    seen = seen_at(hop(), DOMAIN, no_session(TlsFailure.EXPIRED, local_ip))
    assert seen is not None
    assert seen.peer.sending_ip == told


def test_no_connection_at_all_says_nothing_about_tls() -> None:
    assert seen_at(hop(), DOMAIN, no_session(None)) is None


def test_a_host_of_our_configuration_is_not_reported_to_a_domain() -> None:
    """A smart host's certificate is not the recipient domain's business."""
    assert seen_at(hop(is_vouched=True), DOMAIN, no_session(TlsFailure.EXPIRED)) is None
    assert seen_refused(hop(is_vouched=True), DOMAIN, TlsFailure.DANE_MISSING) is None


def test_sums() -> None:
    book, lost = ledger()
    for _ in range(3):
        book.session(SeenTls(domain=DOMAIN))
    book.session(SeenTls(domain=DOMAIN, failure=TlsFailure.WRONG_NAME))
    book.session(SeenTls(domain=DOMAIN, failure=TlsFailure.PIN_MISMATCH))  # our own rule
    sums = book.take()
    assert sorted(sums.values()) == [1, 3]
    assert {session.day for session in sums} == {date(2026, 11, 24)}
    assert book.take() == Counter()
    book.session(SeenTls(domain=DOMAIN))
    book.give_back(sums)
    assert sorted(book.take().values()) == [1, 4]
    assert lost == []


def test_sums_are_bounded() -> None:
    """A day with more domains than anybody foresaw costs counts, not memory; what is known goes on being counted."""
    book, lost = ledger(limit=2)
    for name in ("a.example", "b.example", "c.example", "a.example"):
        book.session(SeenTls(domain=name))
    sums = book.take()
    assert ({one.domain: number for one, number in sums.items()}, len(lost)) == ({"a.example": 2, "b.example": 1}, 1)
    book.session(SeenTls(domain="d.example"))
    book.give_back(sums)
    assert (len(book.take()), len(lost)) == (2, 2)


@pytest.mark.parametrize(
    ("failure", "trouble", "result"),
    [
        (None, None, ""),
        (None, Trouble.FETCH, "sts-policy-fetch-error"),
        (None, Trouble.INVALID, "sts-policy-invalid"),
        (None, Trouble.RECORD, ""),
        (TlsFailure.STS_UNKNOWN, Trouble.WEBPKI, "sts-webpki-invalid"),
        (TlsFailure.STS_UNKNOWN, Trouble.RECORD, None),
        (TlsFailure.EXPIRED, Trouble.FETCH, "certificate-expired"),
        (TlsFailure.STS_UNLISTED, None, "validation-failure"),
    ],
)
def test_a_session_counts_once(failure: TlsFailure | None, trouble: Trouble | None, result: str | None) -> None:
    """TL-29, RFC 8460 4.3.2.2: the policy that could not be had is the failure where there is no other one."""
    book, _ = ledger()
    book.session(SeenTls(domain=DOMAIN, failure=failure, published=Published(sts=Sts(policy=POLICY, trouble=trouble))))
    sums = book.take()
    if result is None:
        assert not sums
        return
    ((session, number),) = sums.items()
    assert isinstance(session, Session)
    assert (session.policy.type, number) == (PolicyType.STS, 1)
    assert (session.failure.result.value if session.failure else "") == result
