"""MTA-STS with every part real: an HTTPS policy host, a resolver, a Postfix, and a store that a restart empties not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config.sending import Delivery
from gateway.config.values import HostPort
from gateway.delivery.dialer import Dialer
from gateway.delivery.job import SendJob
from gateway.delivery.lookup import DnsResolver
from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.pool import PoolLimits
from gateway.delivery.published import Publications
from gateway.delivery.routes import Router
from gateway.delivery.timeouts import TimeLimits
from gateway.delivery.transport import Transport
from gateway.message.envelope import Recipient
from gateway.store.sts import StoredPolicies
from gateway.store.vault import Vault
from tests.e2e.letters import new_marker
from tests.e2e.nexthop import NextHop
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.world import World
from tests.faulty import certificates
from tests.gateway.store.parts import open_store
from tests.tls.dnssec.signed_zones import Kind, unbound
from tests.tls.mta_sts.policy_host import PolicyHost, http, policy_host
from tls.contexts import build_contexts, build_policy_context
from tls.dnssec.lookup import DnssecResolver
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.lookup import TlsPolicies
from tls.mta_sts.lookup import HttpsFetcher, StsPolicies
from tls.requirement import Needs
from tls.web import WebReader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ZONE = """
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
@ 60 IN MX 10 {host}.sts.test.
{host} 60 IN A {address}
_mta-sts 60 IN TXT "v=STSv1; id=1;"
mta-sts 60 IN A 127.0.0.1
"""
POLICY = http(b"version: STSv1\nmode: enforce\nmx: mx.sts.test\nmax_age: 604800\n")
CLEAR = Needs(level=TlsLevel.NONE)


@pytest.fixture(scope="module")
def ca_file(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority of the mail hosts and that of the policy host."""
    folder = tmp_path_factory.mktemp("trust")
    both = folder / "both.pem"
    both.write_bytes(certificates.trust_file(folder).read_bytes() + world.authority.file.read_bytes())
    return both


@pytest.fixture(scope="module")
def honest(world: World) -> Iterator[Postfix]:
    """The host that the policy lists."""
    host, address = world.name("sts.test", host="mx.sts.test")
    identity = world.authority.issue(host)
    settings = {
        "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": str(identity.certificate),
        "smtpd_tls_key_file": str(identity.private_key), "myhostname": host,
    }  # fmt: skip
    with running_postfix(address=address, port=world.port, settings=settings) as postfix:
        yield postfix


@pytest.fixture(scope="module")
def evil(world: World) -> NextHop:
    """A host with a certificate that is good for its own name: whoever forges MX records has one of these."""
    return world.add_good("evil.sts.test")


@asynccontextmanager
async def process(folder: Path, world: World, ca_file: Path, host: str, served: PolicyHost) -> AsyncIterator[Transport]:
    """The life of one gateway, as far as delivery goes. folder: its data. host: the MX that DNS names in that time."""
    dns = folder / f"dns-{host}"
    dns.mkdir()
    address = world._a[f"mx.{'evil.' if host == 'mx.evil' else ''}sts.test"]
    zones = {"sts.test": (ZONE.format(host=host, address=address), Kind.PLAIN)}
    store = await open_store(folder, Vault(bytes(32)))
    with unbound(dns, zones=zones) as port:
        resolver = DnssecResolver([("127.0.0.1", port)], is_ad_trusted=True)
        fetcher = HttpsFetcher(
            WebReader(resolver, build_policy_context(ca_file), is_allowed={"127.0.0.1"}.__contains__, port=served.port)
        )
        policies = StsPolicies(resolver, fetcher, StoredPolicies(store), clock=lambda: datetime.now(UTC))
        delivery = Delivery.model_validate({"port": world.port, "private_networks": ["127.0.0.0/8"]})
        router = Router(DnsResolver([HostPort("127.0.0.1", port)]), delivery, hostname="gw", shuffle=lambda _: None)
        dialer = Dialer(build_contexts(ca_file), TimeLimits(), helo="gw.clinic.example")
        publications = Publications(TlsPolicies(resolver, policies))
        transport = Transport(router, dialer, publications, limits=PoolLimits(), clock=lambda: datetime.now(UTC))
        try:
            yield transport
        finally:
            await transport.close()
            await store.close()


async def send(transport: Transport, marker: str) -> Outcome:
    data = f"From: a@clinic.example\r\n\r\n{marker}\r\n".encode()
    job = SendJob(
        domain="sts.test", mail_from="a@clinic.example", recipients=(Recipient(address="b@sts.test"),), data=data,
        needs=CLEAR,
    )  # fmt: skip
    return (await transport.send(job))[0]


async def test_a_policy_binds_after_a_restart_behind_an_attacker(
    tmp_path: Path, world: World, ca_file: Path, honest: Postfix, evil: NextHop
) -> None:
    """TL-10, TL-13, TL-16: fetched once, enforced; then a restart, HTTPS blocked, MX forged: nothing leaves."""
    async with policy_host(name="mta-sts.sts.test") as served:
        served.answer = POLICY
        async with process(tmp_path, world, ca_file, "mx", served) as transport:
            good = await send(transport, new_marker())
            assert good.seen is Seen.DELIVERED, good
            assert good.evidence is not None
            assert good.evidence.verification == "webpki, MX listed by MTA-STS"
            assert "queued as" in good.reply, "by the Postfix that the policy lists"
            assert honest.port == good.port
    marker, heard = new_marker(), len(evil.clear)
    async with process(tmp_path, world, ca_file, "mx.evil", served) as transport:  # nobody listens at its port now
        outcome = await send(transport, marker)
    assert (outcome.seen, outcome.tls_failure) == (Seen.TLS_MISMATCH, TlsFailure.STS_UNLISTED)
    assert outcome.grounds.sts == "enforce"
    assert not evil.find(marker.encode())
    assert len(evil.clear) == heard, "it was not even connected to"


async def test_without_a_cached_policy_the_same_attacker_gets_it(
    tmp_path: Path, world: World, ca_file: Path, evil: NextHop
) -> None:
    """RFC 8461 10.2: what the first contact cannot know. It shows that the test above rests on the stored policy."""
    async with policy_host(name="mta-sts.sts.test") as served:
        pass
    marker = new_marker()
    async with process(tmp_path, world, ca_file, "mx.evil", served) as transport:
        assert (await send(transport, marker)).seen is Seen.DELIVERED
    assert evil.find(marker.encode())
