"""Each failure of TLS as TLS-RPT counts it (TL-29): real sessions with servers that misbehave, one count each."""

from collections import Counter
from typing import Any

import pytest

from gateway.config.values import HostPort
from gateway.delivery.outcome import Seen
from gateway.delivery.pool import PoolLimits
from gateway.delivery.tls_report import TlsLedger
from tests.faulty import certificates
from tests.faulty.server import Alert, Babble, Close, Raw, Reset, Script, Upgrade
from tests.gateway.delivery.conftest import CLEAR, VERIFIED, Net
from tests.tls.pki import ALONE
from tls.mta_sts.parse import Mode
from tls.tlsrpt.count import Peer, Session

MX1 = "mx1.b.example"
GOOD = Script(tls=certificates.good(MX1))


def starttls(*answers: Any) -> Script:
    does = answers[0] if len(answers) == 1 else answers
    return Script(tls=certificates.good(MX1), does={"STARTTLS": does})


FAILURES = {
    "TL-01 no STARTTLS": (Script(), "starttls-not-supported"),
    "TL-01 HELO only": (Script(does={"EHLO": "502 5.5.1 what?"}), "starttls-not-supported"),
    "TL-01 454": (starttls("454 4.7.0 later"), "starttls-not-supported"),
    "TL-01 502": (starttls("502 no"), "starttls-not-supported"),
    "TL-01 354": (starttls("354 go on"), "validation-failure"),
    "TL-01 garbage": (starttls(Babble()), "validation-failure"),
    "TL-01 no reply at all": (starttls(Raw(b"what\r\n")), "validation-failure"),
    "TL-01 closed": (starttls(Close()), "validation-failure"),
    "TL-02 injected": (starttls(Upgrade(b"250 AUTH\r\n")), "validation-failure"),
    "TL-03 self-signed": (Script(tls=certificates.self_signed(MX1)), "certificate-not-trusted"),
    "TL-03 expired": (Script(tls=certificates.expired(MX1)), "certificate-expired"),
    "TL-03 not yet valid": (Script(tls=certificates.not_yet_valid(MX1)), "certificate-not-trusted"),
    "TL-03 wrong name": (Script(tls=certificates.good("b.example")), "certificate-host-mismatch"),
    "TL-03 wildcard": (Script(tls=certificates.good("*.example")), "certificate-host-mismatch"),
    "TL-03 IP only": (Script(tls=certificates.good("127.0.0.1")), "certificate-host-mismatch"),
    "TL-03 unknown CA": (Script(tls=certificates.of_unknown_authority(MX1)), "certificate-not-trusted"),
    "TL-04 TLS 1.1": (starttls(Alert(70)), "validation-failure"),
    "TL-04 weak suites": (starttls(Alert(40)), "validation-failure"),
    "TL-05 reset in the handshake": (starttls("220 go", Reset()), "validation-failure"),
}


@pytest.fixture
def ledger(net: Net) -> TlsLedger:
    book = TlsLedger()
    net.observer = book
    return book


def only(ledger: TlsLedger) -> Session:
    sums = ledger.take()
    assert list(sums.values()) == [1], sums
    return next(iter(sums))


def results(sums: Counter[Session]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for session, number in sums.items():
        found[session.failure.result.value if session.failure else "good"] += number
    return dict(found)


@pytest.mark.parametrize("case", FAILURES)
async def test_each_failure_counts_as_its_type(net: Net, ledger: TlsLedger, case: str) -> None:
    script, result = FAILURES[case]
    await net.serve(script)
    assert (await net.send(VERIFIED)).seen is not Seen.DELIVERED
    session = only(ledger)
    assert session.failure is not None
    assert session.failure.result.value == result
    assert session.failure.peer == Peer(mx_host=MX1, receiving_ip="127.0.0.1")
    assert (session.domain, session.policy.type.value) == ("b.example", "no-policy-found")


@pytest.mark.parametrize("needs", [VERIFIED, CLEAR])
async def test_success_counts(net: Net, ledger: TlsLedger, needs: Any) -> None:
    await net.serve(GOOD)
    assert (await net.send(needs)).seen is Seen.DELIVERED
    assert only(ledger).failure is None


async def test_clear_text_is_a_failure_of_the_domain(net: Net, ledger: TlsLedger) -> None:
    """Unprotected mail got there, and the domain still learns that its host offers no TLS."""
    await net.serve(Script())
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert results(ledger.take()) == {"starttls-not-supported": 1}


async def test_a_broken_handshake_before_clear_text_counts_once(net: Net, ledger: TlsLedger) -> None:
    await net.serve(starttls(Alert(70)))
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert results(ledger.take()) == {"validation-failure": 1}


async def test_a_kept_connection_is_one_session(net: Net, ledger: TlsLedger) -> None:
    """RFC 8460 counts sessions, not messages; TL-30: the new one after it broke counts again."""
    net.pool = PoolLimits(messages=2)
    await net.serve(GOOD)
    for _ in range(3):
        await net.send(VERIFIED)
    assert results(ledger.take()) == {"good": 2}


async def test_every_host_counts(net: Net, ledger: TlsLedger) -> None:
    """TL-06: the first MX fails, the second takes the message."""
    await net.serve(Script(tls=certificates.expired(MX1)), Script(tls=certificates.good("mx2.b.example")))
    assert (await net.send(VERIFIED)).seen is Seen.DELIVERED
    assert results(ledger.take()) == {"certificate-expired": 1, "good": 1}


async def test_what_says_nothing_about_tls_is_not_counted(net: Net, ledger: TlsLedger) -> None:
    """A host that is down, and one that is busy before TLS."""
    await net.serve(None, Script(does={"BANNER": "421 4.3.2 busy"}))
    await net.send(VERIFIED)
    assert ledger.take() == Counter()


async def test_our_own_next_hop_is_not_counted(net: Net, ledger: TlsLedger) -> None:
    (server,) = await net.serve(Script(tls=certificates.expired(MX1)))
    await net.send(VERIFIED, via=HostPort(MX1, server.port))
    assert ledger.take() == Counter()


async def test_the_session_of_a_report_is_not_counted(net: Net, ledger: TlsLedger) -> None:
    """RFC 8460 3: else two gateways with broken TLS would report on each other's reports every day."""
    await net.serve(Script())
    assert (await net.send(CLEAR, is_reported=False)).seen is Seen.DELIVERED
    assert ledger.take() == Counter()


def unlisted(net: Net) -> None:
    net.publish_sts(Mode.ENFORCE, "mx9.b.example")


def no_answer(net: Net) -> None:
    net.publish_tlsa(1)
    net.tls_dns.failed = {f"_{net.port}._tcp.{MX1} TLSA"}


def asked_for(net: Net) -> None:
    net.delivery = {"route": [{"domain": "b.example", "tls": "dane", "port": net.port}]}


NOT_CONNECTED = {
    "TL-10 MX not in policy": (unlisted, "validation-failure", "sts"),
    "TL-23 TLSA cannot be looked up": (no_answer, "dnssec-invalid", "no-policy-found"),
    "TL-24 DANE asked for, not there": (asked_for, "dane-required", "no-policy-found"),
}


@pytest.mark.parametrize("case", NOT_CONNECTED)
async def test_a_host_that_is_not_connected_to_counts(net: Net, ledger: TlsLedger, case: str) -> None:
    publish, result, policy = NOT_CONNECTED[case]
    (server,) = await net.serve(GOOD)
    publish(net)
    assert (await net.send(VERIFIED)).seen is not Seen.DELIVERED
    assert server.connections == 0
    session = only(ledger)
    assert session.failure is not None
    assert (session.failure.result.value, session.policy.type.value) == (result, policy)


@pytest.mark.parametrize("script", [Script(tls=certificates.self_signed(MX1)), Script()], ids=["untrusted", "no TLS"])
async def test_a_policy_in_its_test_counts_once(net: Net, ledger: TlsLedger, script: Script) -> None:
    """TL-12: one failure, although a second session took the message."""
    await net.serve(script)
    net.publish_sts(Mode.TESTING, MX1)
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    session = only(ledger)
    assert session.failure is not None
    assert session.policy.type.value == "sts"


async def test_a_host_outside_a_policy_in_its_test(net: Net, ledger: TlsLedger) -> None:
    """TL-12, RFC 8461 5: delivered, and counted as what it would be if the policy were enforced."""
    await net.serve(GOOD)
    net.publish_sts(Mode.TESTING, "mx9.b.example")
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert results(ledger.take()) == {"validation-failure": 1}


async def test_success_under_each_policy(net: Net, ledger: TlsLedger) -> None:
    """TL-29: under the policy that applied: DANE before MTA-STS (TL-26)."""
    await net.serve(GOOD)
    net.publish_sts(Mode.ENFORCE, MX1)
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert [(one.policy.type.value, one.failure) for one in ledger.take()] == [("sts", None)]


async def test_success_under_dane(net: Net, ledger: TlsLedger) -> None:
    await net.serve(Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_sts(Mode.ENFORCE, MX1)
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert [(one.policy.type.value, one.failure) for one in ledger.take()] == [("tlsa", None)]


async def test_mismatch_of_dane(net: Net, ledger: TlsLedger) -> None:
    """TL-21."""
    await net.serve(GOOD)
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    assert (await net.send(CLEAR)).seen is Seen.TLS_MISMATCH
    session = only(ledger)
    assert (session.policy.type.value, session.failure and session.failure.result.value) == ("tlsa", "tlsa-invalid")
