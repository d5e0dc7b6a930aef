"""From DNS to the proof, every part real: a validating resolver, an HTTPS policy host, a handshake."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faulty import certificates
from tests.tls.dnssec.signed_zones import unbound
from tests.tls.mta_sts.policy_host import PolicyHost, http, policy_host
from tests.tls.pki import ALONE, LEAF
from tests.tls.test_handshakes import shake
from tls.certificates import peer_chain
from tls.contexts import build_contexts, build_policy_context
from tls.dnssec.lookup import DnssecResolver
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.lookup import TlsPolicies
from tls.mta_sts.cache import MemoryCache
from tls.mta_sts.lookup import HttpsFetcher, StsPolicies
from tls.peer import Proven, prove
from tls.requirement import HopTls, Needs, Requirement, requirement
from tls.web import WebReader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with unbound(tmp_path_factory.mktemp("unbound")) as port:
        yield port


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.trust_file(tmp_path_factory.mktemp("trust"))


async def ask(port: int, ca_file: Path, served: PolicyHost, domain: str) -> HopTls:
    """What delivery learns of the domain's first host."""
    resolver = DnssecResolver([("127.0.0.1", port)], is_ad_trusted=True)
    fetcher = HttpsFetcher(
        WebReader(resolver, build_policy_context(ca_file), is_allowed={"127.0.0.1"}.__contains__, port=served.port)
    )
    policies = TlsPolicies(resolver, StsPolicies(resolver, fetcher, MemoryCache(), clock=lambda: datetime.now(UTC)))
    mx = await resolver.mx(domain)
    host = min(mx.records)[1]
    sts = await policies.domain(domain)
    return HopTls(published=await policies.host(host, 25, domain=domain, is_mx_signed=mx.is_secure, sts=sts))


def meet(needed: Requirement, ca_file: Path, server: ssl.SSLContext, host: str) -> Proven | TlsFailure:
    session = shake(build_contexts(ca_file).proving(needed.proofs), server, needed.server_name or host)
    return prove(needed, peer_chain(session), now=datetime.now(UTC))


def policy(host: str) -> bytes:
    return http(f"version: STSv1\nmode: enforce\nmx: {host}\nmax_age: 86400\n".encode())


async def test_signed_domain(port: int, ca_file: Path) -> None:
    """TL-20, TL-21, TL-26: DANE decides; the policy beside it would name another host."""
    async with policy_host(name="mta-sts.signed.test") as served:
        served.answer = policy("elsewhere.signed.test")
        hop = await ask(port, ca_file, served, "signed.test")
    assert hop.naming == "MX signed"
    needed = requirement(Needs(level=TlsLevel.NONE), hop)
    assert needed.refusal is None
    assert meet(needed, ca_file, LEAF.server(), "mx.signed.test") == Proven(TlsLevel.VERIFIED, "dane 3 1 1")
    assert meet(needed, ca_file, ALONE.server(), "mx.signed.test") is TlsFailure.TLSA_MISMATCH
    assert meet(needed, ca_file, certificates.good("mx.signed.test"), "mx.signed.test") is TlsFailure.TLSA_MISMATCH


async def test_unsigned_domain(port: int, ca_file: Path) -> None:
    """TL-10, TL-24: its TLSA records count for nothing, its policy does."""
    async with policy_host(name="mta-sts.plain.test") as served:
        served.answer = policy("mx.plain.test")
        hop = await ask(port, ca_file, served, "plain.test")
        served.answer = policy("mx2.plain.test")
        other = await ask(port, ca_file, served, "plain.test")
    assert hop.naming == "MX listed by MTA-STS"
    needed = requirement(Needs(level=TlsLevel.NONE), hop)
    good = certificates.good("mx.plain.test")
    assert meet(needed, ca_file, good, "mx.plain.test") == Proven(TlsLevel.VERIFIED, "webpki")
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(needed, ca_file, LEAF.server(), "mx.plain.test")
    assert requirement(Needs(level=TlsLevel.NONE), other).refusal is TlsFailure.STS_UNLISTED


async def test_blocked_policy_host(port: int, ca_file: Path) -> None:
    """TL-16 with nothing cached: protected mail waits, other mail goes (RFC 8461 3.3)."""
    async with policy_host(certificates.self_signed, "mta-sts.plain.test") as served:
        hop = await ask(port, ca_file, served, "plain.test")
    assert requirement(Needs(level=TlsLevel.NONE), hop) == Requirement()
    assert requirement(Needs(level=TlsLevel.VERIFIED), hop).refusal is TlsFailure.STS_UNKNOWN
