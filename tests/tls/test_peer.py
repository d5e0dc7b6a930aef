"""Proofs over real handshakes: pins, DANE, and a chain to a trust anchor, alone and together."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.faulty import certificates
from tests.tls.pki import ALONE, HOST, LEAF, MIDDLE, ROOT, Issued
from tests.tls.test_handshakes import shake
from tls.certificates import peer_chain
from tls.contexts import Contexts, build_contexts
from tls.dane.parse import Tlsa
from tls.dane.verify import Dane, DaneState
from tls.failures import TlsFailure
from tls.levels import Proof, TlsLevel
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.verify import Sts
from tls.peer import Proven, key_fingerprint, prove
from tls.published import Published
from tls.requirement import HopTls, Needs, Requirement, requirement


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return build_contexts(certificates.trust_file(tmp_path_factory.mktemp("trust")))


def pin(issued: Issued) -> str:
    return issued.tlsa(3, 1, 1).data.hex()


def published(*records: Tlsa) -> HopTls:
    dane = Dane(state=DaneState.USABLE, base=HOST, names=(HOST,), records=records)
    return HopTls(published=Published(host=HOST, dane=dane))


def connect(contexts: Contexts, server: ssl.SSLContext, hop: HopTls) -> Proven | TlsFailure:
    """What delivery does: the context that the requirement names, the handshake, then the proofs."""
    needed = requirement(Needs(level=TlsLevel.NONE), hop)
    session = shake(contexts.proving(needed.proofs), server, needed.server_name or HOST)
    return prove(needed, peer_chain(session), now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("server", "hop", "expected"),
    [
        (ALONE, HopTls(pin=pin(ALONE)), "pin"),
        (LEAF, HopTls(pin=pin(ALONE)), TlsFailure.PIN_MISMATCH),
        (LEAF, HopTls(pin=pin(MIDDLE)), TlsFailure.PIN_MISMATCH),  # a pin names the host's key, no authority's
        (ALONE, published(ALONE.tlsa(3, 1, 1)), "dane 3 1 1"),
        (ALONE, published(LEAF.tlsa(3, 0, 1), ALONE.tlsa(3, 0, 2)), "dane 3 0 2"),
        (LEAF, published(ALONE.tlsa(3, 1, 1)), TlsFailure.TLSA_MISMATCH),
        (LEAF, published(ROOT.tlsa(2, 0, 1)), "dane 2 0 1"),
        (ALONE, published(ROOT.tlsa(2, 0, 1)), TlsFailure.TLSA_MISMATCH),
        (LEAF, replace(published(ROOT.tlsa(2, 1, 1)), pin=pin(LEAF)), "pin and dane 2 1 1"),
        (LEAF, replace(published(ROOT.tlsa(2, 1, 1)), pin=pin(ALONE)), TlsFailure.PIN_MISMATCH),
        (LEAF, replace(published(ALONE.tlsa(3, 1, 1)), pin=pin(LEAF)), TlsFailure.TLSA_MISMATCH),
    ],
)
def test_pins_and_dane(contexts: Contexts, server: Issued, hop: HopTls, expected: str | TlsFailure) -> None:
    """TL-20, TL-21, and `pinned:` of a route: every proof that is asked for has to hold."""
    found = connect(contexts, server.server(), hop)
    assert found == (expected if isinstance(expected, TlsFailure) else Proven(TlsLevel.VERIFIED, expected))


def enforced(*hosts: str) -> HopTls:
    policy = StsPolicy(mode=Mode.ENFORCE, max_age_s=60, mx=hosts)
    return HopTls(published=Published(host=HOST, sts=Sts(policy=policy)))


def test_an_enforced_policy(contexts: Contexts) -> None:
    assert connect(contexts, certificates.good(HOST), enforced(HOST)) == Proven(TlsLevel.VERIFIED, "webpki")


@pytest.mark.parametrize(
    "server",
    [certificates.good("mx2.b.example"), certificates.self_signed(HOST), certificates.expired(HOST), LEAF.server()],
)
def test_an_enforced_policy_asks_for_the_name_of_the_host(contexts: Contexts, server: ssl.SSLContext) -> None:
    """TL-11: a certificate for another host that the policy lists as well is none for this one."""
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(contexts, server, enforced(HOST, "mx2.b.example"))


def test_a_pin_beside_an_enforced_policy(contexts: Contexts) -> None:
    """Both hold."""
    hop = replace(enforced(HOST), pin=pin(LEAF))
    assert connect(contexts, certificates.good(HOST), hop) is TlsFailure.PIN_MISMATCH
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(contexts, LEAF.server(), hop)


def test_dane_wins_over_mta_sts(contexts: Contexts) -> None:
    """TL-26: a chain that MTA-STS would take does not help where DANE fails; and the other way round."""
    good = certificates.good(HOST)
    failing = replace(
        published(LEAF.tlsa(3, 1, 1)).published or Published(), sts=(enforced(HOST).published or Published()).sts
    )
    assert connect(contexts, good, HopTls(published=failing)) is TlsFailure.TLSA_MISMATCH
    assert connect(contexts, LEAF.server(), HopTls(published=failing)) == Proven(TlsLevel.VERIFIED, "dane 3 1 1")


def test_nothing_required(contexts: Contexts) -> None:
    assert connect(contexts, ALONE.server(), HopTls()) == Proven(TlsLevel.ENCRYPTED, "unauthenticated")


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x00",)])
def test_no_certificate_that_can_be_read(chain: tuple[bytes, ...]) -> None:
    """Nothing matches nothing, not even an empty pin."""
    assert key_fingerprint(chain) is None
    for proofs in (frozenset({Proof.PIN}), frozenset({Proof.DANE})):
        needed = Requirement(level=TlsLevel.VERIFIED, proofs=proofs)
        assert isinstance(prove(needed, chain, now=datetime.now(UTC)), TlsFailure)


def test_no_chain_before_the_handshake(contexts: Contexts) -> None:
    session = contexts.unauthenticated.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    assert peer_chain(session) == ()
