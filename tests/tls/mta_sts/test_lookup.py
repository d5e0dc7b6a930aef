"""The policy of a domain over a real HTTPS server, with an attacker who blocks, redirects and forges."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.faulty import certificates
from tests.tls.fake_dns import FakeDns
from tests.tls.mta_sts.policy_host import PolicyHost, http, policy_host
from tls.contexts import build_policy_context
from tls.errors import FetchError
from tls.mta_sts.cache import MemoryCache
from tls.mta_sts.lookup import HttpsFetcher, StsPolicies
from tls.mta_sts.parse import SIZE_LIMIT, Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import NO_STS, CachedPolicy, Sts
from tls.networks import is_public
from tls.web import WebReader

BODY = b"version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 604800\n"
POLICY = StsPolicy(mode=Mode.ENFORCE, max_age_s=604_800, mx=("mx.b.example",))
HOST, TXT = "mta-sts.b.example A", "_mta-sts.b.example TXT"
LOOPBACK = ("127.0.0.1",)
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return build_policy_context(certificates.trust_file(tmp_path_factory.mktemp("trust")))


def fetcher(dns: FakeDns, context: ssl.SSLContext, host: PolicyHost, *, deadline_s: float = 10) -> HttpsFetcher:
    return HttpsFetcher(
        WebReader(dns, context, is_allowed=LOOPBACK.__contains__, port=host.port, deadline_s=deadline_s)
    )


async def test_fetch(context: ssl.SSLContext) -> None:
    """RFC 8461 3.3: the well-known path of mta-sts.<domain>, by SNI and Host."""
    async with policy_host() as host:
        host.answer = http(BODY, kind="Text/Plain; charset=utf-8")
        assert await fetcher(FakeDns({HOST: LOOPBACK}), context, host).fetch("b.example") == POLICY
    assert host.names == ["mta-sts.b.example"]
    head = f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.b.example:{host.port}\r\n"
    assert host.requests[0].startswith(head.encode())


async def test_no_proxy(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment does not say whom we talk to: a proxy would choose the address."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with policy_host() as host:
        host.answer = http(BODY)
        assert await fetcher(FakeDns({HOST: LOOPBACK}), context, host).fetch("b.example") == POLICY


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (http(BODY, "301 Moved", "Location: /.well-known/other.txt"), Trouble.FETCH),
        (http(BODY, "302 Found", "Location: https://evil.example/"), Trouble.FETCH),
        (http(BODY, "404 Not Found"), Trouble.FETCH),
        (http(BODY, "500 Internal Server Error"), Trouble.FETCH),
        (http(BODY, "203 Non-Authoritative Information"), Trouble.FETCH),
        (http(BODY, "206 Partial Content"), Trouble.FETCH),
        (http(BODY + b"x: y\n" * (SIZE_LIMIT // 5)), Trouble.FETCH),
        (http(BODY, kind="text/html"), Trouble.FETCH),
        (http(BODY, kind=""), Trouble.FETCH),
        (http(b"\x1f\x8b\x08\x00", "200 OK", "Content-Encoding: gzip"), Trouble.INVALID),
        (http(b"version: STSv1\nmode: none\n"), Trouble.INVALID),
        (http(BODY)[:-20], Trouble.FETCH),
        (b"SSH-2.0-OpenSSH\r\n", Trouble.FETCH),
        (b"", Trouble.FETCH),
    ],
)
async def test_what_is_no_policy(context: ssl.SSLContext, answer: bytes, trouble: Trouble) -> None:
    """TL-13: 301, 404, 500, too large, cut, not text: nothing is fetched, no redirect is followed."""
    async with policy_host() as host:
        host.answer = answer
        with pytest.raises(FetchError) as failure:
            await fetcher(FakeDns({HOST: LOOPBACK}), context, host).fetch("b.example")
    assert failure.value.trouble is trouble
    assert len(host.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("location", ["/.well-known/mta-sts.txt", "https://mta-sts.b.example:{port}/", ""])
async def test_no_redirect_is_followed(context: ssl.SSLContext, status: str, location: str) -> None:
    """TL-13, RFC 8461 3.3: not even where a good policy lies behind it."""
    async with policy_host() as host:
        host.first = http(b"", status, f"Location: {location.format(port=host.port)}")
        host.answer = http(BODY)
        with pytest.raises(FetchError, match=status[:3]):
            await fetcher(FakeDns({HOST: LOOPBACK}), context, host).fetch("b.example")
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "make",
    [
        certificates.expired,
        certificates.not_yet_valid,
        certificates.self_signed,
        certificates.of_unknown_authority,
        lambda _: certificates.good("b.example", "mx.b.example", "127.0.0.1"),
    ],
)
async def test_bad_certificate(context: ssl.SSLContext, make: Callable[..., ssl.SSLContext]) -> None:
    """TL-13, RFC 8461 3.3: it names mta-sts.<domain>, lives, and chains to a trust anchor."""
    async with policy_host(make) as host:
        host.answer = http(BODY)
        with pytest.raises(FetchError) as failure:
            await fetcher(FakeDns({HOST: LOOPBACK}), context, host).fetch("b.example")
    assert failure.value.trouble is Trouble.WEBPKI
    assert host.requests == []


async def test_a_silent_host_takes_no_longer_than_its_deadline(context: ssl.SSLContext) -> None:
    async with policy_host() as host:
        host.is_silent = True
        with pytest.raises(FetchError, match="too long"):
            await fetcher(FakeDns({HOST: LOOPBACK}), context, host, deadline_s=0.1).fetch("b.example")


async def test_the_next_address_is_asked(context: ssl.SSLContext) -> None:
    async with policy_host() as host:
        host.answer = http(BODY)
        dns = FakeDns({HOST: ["127.0.0.2", "127.0.0.1"]})
        wide = HttpsFetcher(WebReader(dns, context, is_allowed=lambda _: True, port=host.port))
        assert await wide.fetch("b.example") == POLICY


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.1.1", "224.0.0.1", "64:ff9b::a00:1"]
)
async def test_no_knocking_inside(context: ssl.SSLContext, address: str) -> None:
    """A domain cannot make us connect to hosts of our own network."""
    assert not is_public(address)
    async with policy_host() as host:
        dns = FakeDns({HOST: [address]})
        with pytest.raises(FetchError, match="no address"):
            await HttpsFetcher(WebReader(dns, context, port=host.port)).fetch("b.example")
    assert host.requests == []


async def test_no_alpn_on_contexts_of_mail(context: ssl.SSLContext) -> None:
    """The fetcher's context is its own: an HTTP client sets ALPN on it."""
    async with policy_host() as host:
        host.answer = http(BODY)
        dns = FakeDns({HOST: LOOPBACK})
        first, second = fetcher(dns, context, host), fetcher(dns, context, host)
        assert await first.fetch("b.example") == await second.fetch("b.example")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


class World:
    """A domain, its policy host made of data, and a clock."""

    def __init__(self) -> None:
        self.now = START
        self.dns = FakeDns({TXT: (b"v=STSv1; id=1;",)})
        self.cache = MemoryCache()
        self.answer: StsPolicy | Trouble = POLICY
        self.fetches = 0
        self.policies = self.restart()

    def restart(self) -> StsPolicies:
        """A new process: only what is on disk remains."""
        self.policies = StsPolicies(self.dns, self, self.cache, clock=lambda: self.now)
        return self.policies

    async def fetch(self, domain: str) -> StsPolicy:
        self.fetches += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Trouble):
            raise FetchError("as the test wants", self.answer)
        return self.answer

    async def sts(self) -> Sts:
        return await self.policies.policy("b.example")

    def gone(self) -> None:
        del self.dns.records[TXT]

    def broken(self) -> None:
        self.dns.failed.add(TXT)

    def doubled(self) -> None:
        self.dns.records[TXT] = (b"v=STSv1; id=1;", b"v=STSv1; id=2;")


async def test_fetched_once_and_kept() -> None:
    world = World()
    assert [await world.sts() for _ in range(3)] == [Sts(policy=POLICY)] * 3
    assert world.fetches == 1
    assert await world.cache.get("b.example") == CachedPolicy(
        domain="b.example", id="1", policy=POLICY, fetched_at=START
    )


async def test_many_messages_fetch_once() -> None:
    world = World()
    assert await asyncio.gather(*(world.sts() for _ in range(20))) == [Sts(policy=POLICY)] * 20
    assert world.fetches == 1


@pytest.mark.parametrize("spoil", [World.gone, World.broken, World.doubled])
@pytest.mark.parametrize("trouble", [Trouble.FETCH, Trouble.INVALID, Trouble.WEBPKI])
@pytest.mark.parametrize("is_restarted", [False, True])
async def test_an_attacker_cannot_take_a_policy_back(
    spoil: Callable[[World], None], trouble: Trouble, is_restarted: bool
) -> None:
    """TL-13, TL-16: record gone or forged, HTTPS blocked, memory lost; the policy holds to the end of its max_age."""
    world = World()
    await world.sts()
    world.answer = trouble
    spoil(world)
    if is_restarted:
        world.restart()
    for hours in (1, 25, 50, 167):
        world.now = START + timedelta(hours=hours)
        assert (await world.sts()).policy == POLICY
    world.now = START + timedelta(hours=168)
    assert (await world.sts()).policy is None


async def test_id_unchanged_policy_changed() -> None:
    """TL-15: cached until the refresh of the day."""
    world = World()
    await world.sts()
    world.answer = StsPolicy(mode=Mode.NONE, max_age_s=86_400)
    assert (await world.sts()).policy == POLICY
    world.now += timedelta(hours=25)
    assert await world.sts() == NO_STS
    assert world.fetches == 2


async def test_id_changed() -> None:
    """TL-15: fetched at once."""
    world = World()
    await world.sts()
    world.answer = newer = StsPolicy(mode=Mode.TESTING, max_age_s=86_400, mx=("mx2.b.example",))
    world.dns.records[TXT] = (b"v=STSv1; id=2;",)
    assert await world.sts() == Sts(policy=newer)


async def test_a_refresh_makes_the_policy_live_longer() -> None:
    """RFC 8461 3.2: max_age counts from the last fetch."""
    world = World()
    await world.sts()
    world.now = START + timedelta(days=6)
    await world.sts()
    world.answer = Trouble.FETCH
    world.now = START + timedelta(days=12)
    assert (await world.sts()).policy == POLICY


async def test_a_failed_fetch_is_not_repeated_at_once() -> None:
    """RFC 8461 3.3: five minutes, unless the id changes."""
    world = World()
    world.answer = Trouble.INVALID
    assert [await world.sts() for _ in range(3)] == [Sts(trouble=Trouble.INVALID)] * 3
    assert world.fetches == 1
    world.answer = POLICY
    world.now += timedelta(minutes=5)
    assert await world.sts() == Sts(policy=POLICY)


async def test_nothing_announced() -> None:
    """Without a record no host is asked; when DNS does not answer, it says so."""
    world = World()
    world.gone()
    assert await world.sts() == NO_STS
    world.broken()
    assert await world.sts() == Sts(trouble=Trouble.RECORD)
    assert world.fetches == 0


async def test_what_failed_is_remembered_for_a_bounded_number_of_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tls.mta_sts.lookup.FAILED_LIMIT", 3)
    world = World()
    world.answer = Trouble.FETCH
    for number in range(10):
        world.dns.records[f"_mta-sts.d{number}.example TXT"] = (b"v=STSv1; id=1;",)
        await world.policies.policy(f"d{number}.example")
    assert list(world.policies._failed) == ["d7.example", "d8.example", "d9.example"]
    assert world.policies._locks == {}
