"""What hosts publish binds the mail that goes there: DANE, MTA-STS and pins against servers that misbehave."""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.delivery.outcome import Outcome, Seen
from tests.faulty import certificates
from tests.faulty.server import Alert, Reaction, Reset, Script, Stall
from tests.gateway.delivery.conftest import BODY, CLEAR, VERIFIED, Net, limits_of
from tests.tls.pki import ALONE, DAY, LEAF, MIDDLE, NOW, ROOT, STRANGER, Issued, issue
from tls.dane.parse import Tlsa
from tls.errors import FetchError
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.mta_sts.parse import Mode
from tls.mta_sts.trouble import Trouble
from tls.requirement import Needs

MX1, MX2 = "mx1.b.example", "mx2.b.example"
NAMED = issue(MIDDLE, MX1)  # of an authority that we do not trust
CONTENT_FREE = Needs(level=TlsLevel.NONE, is_content_free=True)
ENFORCE, TESTING = Mode.ENFORCE, Mode.TESTING
BOTH = pytest.mark.parametrize("needs", [CLEAR, VERIFIED], ids=["unprotected", "protected"])


def why(outcome: Outcome) -> tuple[Seen, TlsFailure | None]:
    return outcome.seen, outcome.hosts[0].tls_failure


def proof_of(outcome: Outcome) -> str:
    assert outcome.evidence is not None, outcome
    return outcome.evidence.verification


# --- DANE ---

MATCHING = {
    "3 1 1": (ALONE, ALONE.tlsa(3, 1, 1)),
    "3 0 1": (ALONE, ALONE.tlsa(3, 0, 1)),
    "3 1 2": (ALONE, ALONE.tlsa(3, 1, 2)),
    "3 0 0": (ALONE, ALONE.tlsa(3, 0, 0)),
    "2 0 1": (NAMED, ROOT.tlsa(2, 0, 1)),
    "2 1 1": (NAMED, MIDDLE.tlsa(2, 1, 1)),
    "2 1 2": (NAMED, MIDDLE.tlsa(2, 1, 2)),
}


@BOTH
@pytest.mark.parametrize("kind", MATCHING)
async def test_dane_match(net: Net, kind: str, needs: Needs) -> None:
    """TL-20: usage 3 looks at neither name nor dates nor authority (this one has all three wrong), usage 2 at all."""
    issued, record = MATCHING[kind]
    (server,) = await net.serve(Script(tls=issued.server()))
    net.publish_tlsa(1, record)
    outcome = await net.send(needs)
    assert outcome.seen is Seen.DELIVERED, outcome
    assert proof_of(outcome) == f"dane {kind}, MX signed"
    assert outcome.grounds.dnssec == "MX signed, TLSA usable"
    assert server.messages[0].data == BODY


MISMATCHING: dict[str, tuple[Issued, Tlsa]] = {
    "another key": (ALONE, LEAF.tlsa(3, 1, 1)),
    "another authority": (issue(STRANGER, MX1), ROOT.tlsa(2, 0, 1)),
    "another name": (LEAF, ROOT.tlsa(2, 0, 1)),
    "expired": (issue(MIDDLE, MX1, since=ALONE.certificate.not_valid_before_utc, until=NOW - DAY), ROOT.tlsa(2, 0, 1)),
}


@BOTH
@pytest.mark.parametrize("case", MISMATCHING)
async def test_dane_mismatch(net: Net, case: str, needs: Needs) -> None:
    """TL-21: no session below the records is used, not even for mail that would go in clear; with what was seen."""
    issued, record = MISMATCHING[case]
    (server,) = await net.serve(Script(tls=issued.server()))
    net.publish_tlsa(1, record)
    outcome = await net.send(needs)
    assert why(outcome) == (Seen.TLS_MISMATCH, TlsFailure.TLSA_MISMATCH)
    assert outcome.reply.startswith("451 4.7.5")
    assert (server.messages, "MAIL" in server.verbs()) == ([], False)
    assert outcome.evidence is not None
    assert outcome.evidence.fingerprint == hashlib.sha256(issued.der).hexdigest()
    assert outcome.evidence.level is not TlsLevel.VERIFIED


WITHOUT_TLS: dict[str, tuple[Script, Seen]] = {
    "no STARTTLS": (Script(), Seen.TLS_MISMATCH),
    "HELO only": (Script(does={"EHLO": "502 5.5.1 what?"}), Seen.TLS_MISMATCH),
    "502": (Script(tls=ALONE.server(), does={"STARTTLS": "502 no"}), Seen.TLS_MISMATCH),
    "old version": (Script(tls=ALONE.server(), does={"STARTTLS": Alert(70)}), Seen.TLS_MISMATCH),
    "454": (Script(tls=ALONE.server(), does={"STARTTLS": "454 4.7.0 later"}), Seen.TLS_UNCERTAIN),
    "reset": (Script(tls=ALONE.server(), does={"STARTTLS": Reset()}), Seen.TLS_UNCERTAIN),
}


@pytest.mark.parametrize("records", [(ALONE.tlsa(3, 1, 1),), (ALONE.tlsa(1, 1, 1),)], ids=["usable", "unusable"])
@pytest.mark.parametrize("case", WITHOUT_TLS)
async def test_dane_and_no_tls(net: Net, case: str, records: tuple[Tlsa, ...]) -> None:
    """TL-01, TL-21, TL-22: records promise TLS, usable or not: unprotected mail does not go on in clear either."""
    script, seen = WITHOUT_TLS[case]
    (server,) = await net.serve(script)
    net.publish_tlsa(1, *records)
    assert (await net.send(CLEAR)).seen is seen
    assert "MAIL" not in server.verbs()


async def test_stall_under_dane(net: Net) -> None:
    """TL-21, OB-07: uncertain, and never in clear afterwards."""
    net.limits = limits_of(0.1)
    (server,) = await net.serve(Script(tls=ALONE.server(), does={"STARTTLS": ("220 go", Stall())}))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    assert (await net.send(CLEAR)).seen is Seen.TLS_UNCERTAIN
    assert "MAIL" not in server.verbs()


UNUSABLE = {
    "usage 0": ALONE.tlsa(0, 1, 1),
    "usage 1": ALONE.tlsa(1, 1, 1),
    "selector 2": replace(ALONE.tlsa(3, 1, 1), selector=2),
    "matching 3": replace(ALONE.tlsa(3, 1, 1), matching=3),
    "short digest": replace(ALONE.tlsa(3, 1, 1), data=b"short"),
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_unusable_records(net: Net, case: str) -> None:
    """TL-22: TLS is required and nothing proved; protected mail then needs a chain and a name."""
    await net.serve(Script(tls=ALONE.server()))
    net.publish_tlsa(1, UNUSABLE[case])
    outcome = await net.send(CLEAR)
    assert outcome.seen is Seen.DELIVERED
    assert proof_of(outcome) == "unauthenticated"
    assert outcome.grounds.dnssec == "MX signed, TLSA unusable"
    assert (await net.send(VERIFIED)).seen is Seen.TLS_REFUSED


async def test_unusable_records_and_a_good_certificate(net: Net) -> None:
    """TL-22: WebPKI then does for protected mail."""
    await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_tlsa(1, ALONE.tlsa(1, 1, 1))
    assert proof_of(await net.send(VERIFIED)) == "webpki, MX signed"


@BOTH
@pytest.mark.parametrize("name", [f"_{{port}}._tcp.{MX1} TLSA", f"{MX1} A"])
async def test_failed_lookup(net: Net, name: str, needs: Needs) -> None:
    """TL-23: SERVFAIL (bogus looks so too) about TLSA or address: the host is not even connected to."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.tls_dns.failed = {name.format(port=net.port)}
    assert why(await net.send(needs)) == (Seen.TLS_UNCERTAIN, TlsFailure.TLSA_UNKNOWN)
    assert server.connections == 0


async def test_insecure_zone(net: Net) -> None:
    """TL-24: records in a zone that is not signed count for nothing, and nothing is claimed."""
    await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.tls_dns.zones["b.example"] = False
    net.dns.signed = ()
    outcome = await net.send(VERIFIED)
    assert (proof_of(outcome), outcome.grounds.dnssec) == ("webpki, MX unsigned", "")


async def test_secure_records_behind_an_unsigned_mx(net: Net) -> None:
    """TL-24: they bind, and the evidence says who was not vouched for."""
    await net.serve([Script(tls=ALONE.server()), Script(tls=certificates.good(MX1))])
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.dns.signed = ()
    assert proof_of(await net.send(VERIFIED)) == "dane 3 1 1, MX unsigned"
    await net.transport.close()
    assert why(await net.send(VERIFIED)) == (Seen.TLS_MISMATCH, TlsFailure.TLSA_MISMATCH)


async def test_ad_of_an_untrusted_resolver(net: Net) -> None:
    """TL-25: `dns.trust_ad = false`: whoever forges answers forges flags. Not applied and not claimed."""
    await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.tls_dns.is_ad_trusted = False
    outcome = await net.send(VERIFIED)
    assert (proof_of(outcome), outcome.grounds.dnssec) == ("webpki, MX unsigned", "")


async def test_dane_wins_over_mta_sts(net: Net) -> None:
    """TL-26: a certificate that MTA-STS would take does not help against the records; nor is its list asked."""
    await net.serve([Script(tls=certificates.good(MX1)), Script(tls=ALONE.server())])
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_sts(ENFORCE, MX1)
    assert why(await net.send(CLEAR)) == (Seen.TLS_MISMATCH, TlsFailure.TLSA_MISMATCH)
    assert proof_of(await net.send(CLEAR)) == "dane 3 1 1, MX signed"


async def test_no_downgrade_by_killing_the_first_host(net: Net) -> None:
    """TL-06: DANE at the first, nothing at the second: that is no way out for protected mail."""
    first, second = await net.serve(Script(tls=LEAF.server()), Script())
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    outcome = await net.send(VERIFIED)
    assert [host.seen for host in outcome.hosts] == [Seen.TLS_MISMATCH, Seen.TLS_REFUSED]
    assert outcome.seen is Seen.TLS_MISMATCH
    assert not first.messages + second.messages


async def test_the_second_host_may_prove_it(net: Net) -> None:
    """RFC 7672 2.1.2: a host that fails is passed over; the next is held to its own records."""
    _, second = await net.serve(Script(tls=LEAF.server()), Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_tlsa(2, ALONE.tlsa(3, 1, 1))
    outcome = await net.send(VERIFIED)
    assert (outcome.seen, outcome.host) == (Seen.DELIVERED, MX2)
    assert len(second.messages) == 1


async def test_kept_connections_are_of_one_requirement(net: Net) -> None:
    """What one message proved serves the next that needs the same, and nobody else: a roll-over is seen at once."""
    (server,) = await net.serve(Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    assert [(await net.send(needs)).reused for needs in (VERIFIED, CLEAR)] == [0, 1]  # both: exactly the records
    assert (await net.send(CONTENT_FREE)).reused == 0
    assert server.connections == 2


# --- MTA-STS ---


@BOTH
async def test_enforced_policy(net: Net, needs: Needs) -> None:
    """TL-11: listed, and the certificate names the host."""
    await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_sts(ENFORCE, "*.b.example")
    outcome = await net.send(needs)
    assert proof_of(outcome) == "webpki, MX listed by MTA-STS"
    assert outcome.grounds.sts == "enforce"
    assert "domain enforces MTA-STS" in outcome.grounds.reasons


@BOTH
async def test_unlisted_host(net: Net, needs: Needs) -> None:
    """TL-10: not connected to, whatever it could prove."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_sts(ENFORCE, MX2, "b.example", "*.mx1.b.example")
    assert why(await net.send(needs)) == (Seen.TLS_MISMATCH, TlsFailure.STS_UNLISTED)
    assert server.connections == 0


BAD: dict[str, tuple[Callable[[], ssl.SSLContext], TlsFailure]] = {
    "another listed host": (lambda: certificates.good(MX2), TlsFailure.WRONG_NAME),
    "the domain": (lambda: certificates.good("b.example"), TlsFailure.WRONG_NAME),
    "two labels": (lambda: certificates.good("*.example"), TlsFailure.WRONG_NAME),
    "expired": (lambda: certificates.expired(MX1), TlsFailure.EXPIRED),
    "not yet valid": (lambda: certificates.not_yet_valid(MX1), TlsFailure.NOT_YET_VALID),
    "self-signed": (lambda: certificates.self_signed(MX1), TlsFailure.SELF_SIGNED),
    "unknown authority": (lambda: certificates.of_unknown_authority(MX1), TlsFailure.UNKNOWN_CA),
}


@BOTH
@pytest.mark.parametrize("case", BAD)
async def test_bad_certificate_under_a_policy(net: Net, case: str, needs: Needs) -> None:
    """TL-03, TL-11: the host's own name, not that of any pattern; unprotected mail waits as well."""
    make, failure = BAD[case]
    (server,) = await net.serve(Script(tls=make()))
    net.publish_sts(ENFORCE, MX1, MX2)
    assert why(await net.send(needs)) == (Seen.TLS_MISMATCH, failure)
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("reaction", ["502 5.5.1 no", "454 4.7.0 later", Alert(70)], ids=["502", "454", "old"])
async def test_no_tls_under_a_policy(net: Net, reaction: Reaction) -> None:
    """TL-01, TL-04: never in clear."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1), does={"STARTTLS": reaction}))
    net.publish_sts(ENFORCE, MX1)
    assert (await net.send(CLEAR)).seen in (Seen.TLS_MISMATCH, Seen.TLS_UNCERTAIN)
    assert "MAIL" not in server.verbs()


async def test_testing_where_it_holds(net: Net) -> None:
    """RFC 8461 5: tried as if it were enforced; one session."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_sts(TESTING, MX1)
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.grounds.unmet_wish, server.connections) == (Seen.DELIVERED, None, 1)


@pytest.mark.parametrize("case", BAD)
async def test_testing_where_it_fails(net: Net, case: str) -> None:
    """TL-12: delivered by our own policy in a new session; the failure is in the evidence."""
    make, failure = BAD[case]
    (server,) = await net.serve(Script(tls=make()))
    net.publish_sts(TESTING, MX1)
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.grounds.unmet_wish) == (Seen.DELIVERED, failure)
    assert (proof_of(outcome), outcome.grounds.sts) == ("unauthenticated", "testing")
    assert (server.connections, server.verbs(1)[-1], server.messages[0].tls) == (2, "STARTTLS", "TLSv1.3")


async def test_testing_without_tls(net: Net) -> None:
    """TL-12: as if nothing were published, so an unprotected message leaves in clear."""
    await net.serve(Script())
    net.publish_sts(TESTING, MX1)
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.evidence, outcome.grounds.unmet_wish) == (
        Seen.DELIVERED, None, TlsFailure.NOT_OFFERED,
    )  # fmt: skip


async def test_testing_lowers_nothing(net: Net) -> None:
    """TL-12: protected mail needs its proof all the same."""
    (server,) = await net.serve(Script(tls=certificates.self_signed(MX1)))
    net.publish_sts(TESTING, MX1)
    assert (await net.send(VERIFIED)).seen is Seen.TLS_REFUSED
    assert server.connections == 1


async def test_a_policy_that_cannot_be_had(net: Net) -> None:
    """TL-16 with nothing cached, RFC 8461 3.3: unprotected mail goes, protected mail waits."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_sts(ENFORCE, MX1)
    net.sts["b.example"] = FetchError("blocked", Trouble.FETCH)
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.grounds.sts) == (Seen.DELIVERED, "not at hand: sts-policy-fetch-error")
    assert why(await net.send(VERIFIED)) == (Seen.TLS_UNCERTAIN, TlsFailure.STS_UNKNOWN)
    assert len(server.messages) == 1
