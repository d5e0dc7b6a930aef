"""A transport over loopback: fake DNS, faulty servers, an authority of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop
from argon2 import PasswordHasher

from gateway.config.model import Domain
from gateway.config.sending import Delivery
from gateway.delivery.dialer import Dialer
from gateway.delivery.identity import Identities
from gateway.delivery.job import SendJob
from gateway.delivery.outcome import Outcome
from gateway.delivery.pool import PoolLimits
from gateway.delivery.published import Publications
from gateway.delivery.routes import Router
from gateway.delivery.shaping import Shaping
from gateway.delivery.timeouts import PHASE_LIMITS_S, TimeLimits
from gateway.delivery.tls_report import TlsObserver
from gateway.delivery.transport import Transport
from gateway.message import pickup
from gateway.message.envelope import Recipient
from gateway.store.store import Store
from tests.faulty.certificates import trust_file
from tests.faulty.server import FaultyServer, Script
from tests.gateway.delivery.clock_loop import ClockLoop
from tests.gateway.delivery.dialogues import Feed, bytewise, whole
from tests.gateway.delivery.fake_dns import FakeDns
from tests.gateway.delivery.office import Office
from tests.tls.fake_dns import FakeDns as SignedDns
from tls.contexts import Contexts, build_contexts
from tls.dane.parse import Tlsa
from tls.errors import FetchError
from tls.levels import TlsLevel
from tls.lookup import TlsPolicies
from tls.mta_sts.cache import MemoryCache
from tls.mta_sts.lookup import StsPolicies
from tls.mta_sts.parse import Mode, StsPolicy
from tls.requirement import Needs

WITH_SOCKETS = frozenset(
    f"test_{name}.py"
    for name in ("transport", "transport_answers", "published_transport", "published_routes", "lookup", "chunking")
)
WITH_CLOCK = frozenset({"test_cases.py", "test_race.py"})
BODY = b"From: s@a.example\r\nSubject: result\r\n\r\nMarker of content\r\n.dot\r\n"
CLEAR = Needs(level=TlsLevel.NONE)
VERIFIED = Needs(level=TlsLevel.VERIFIED, is_onward=True)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops where sockets are real: the gateway runs on uvloop where it installs."""
    if item.path.name in WITH_CLOCK:
        return {"clock": ClockLoop}
    both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return both if item.path.name in WITH_SOCKETS else {"asyncio": asyncio.new_event_loop}


@pytest.fixture(params=[whole, bytewise])
def feed(request: pytest.FixtureRequest) -> Feed:
    chosen: Feed = request.param
    return chosen


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """Built once: system anchors take 0.2 s to load."""
    return build_contexts(trust_file(tmp_path_factory.mktemp("trust")))


def limits_of(limits_s: float) -> TimeLimits:
    """Every phase within this time."""
    return TimeLimits(connect_s=limits_s, phase_s=dict.fromkeys(PHASE_LIMITS_S, limits_s))


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Net:
    """The world of one test: MX hosts mx1, mx2, ... of b.example, each a faulty server on its own loopback address."""

    contexts: Contexts
    dns: FakeDns = field(default_factory=FakeDns)
    delivery: dict[str, object] = field(default_factory=dict)
    domains: tuple[Domain, ...] = ()
    ca_file: Path | None = None  # where the contexts' authority stands
    shaping: Shaping | None = None
    alarms: list[str] = field(default_factory=list)
    pool: PoolLimits = field(default_factory=PoolLimits)
    limits: TimeLimits = field(default_factory=lambda: limits_of(5))
    servers: list[FaultyServer] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    tls_dns: SignedDns = field(default_factory=SignedDns)
    sts: dict[str, StsPolicy | FetchError] = field(default_factory=dict)
    port: int = 0
    observer: TlsObserver | None = None
    _transport: Transport | None = None

    async def serve(self, *hosts: Script | list[Script] | None) -> list[FaultyServer]:
        """Start mx1.b.example, mx2.b.example, ...; None: nobody listens there."""
        for number, scripts in enumerate(hosts, 1):
            self.dns.hosts = {**self.dns.hosts, f"mx{number}.b.example": [f"127.0.0.{number}"]}
            if scripts is not None:
                listed = scripts if isinstance(scripts, list) else [scripts]
                server = FaultyServer(*listed, host=f"127.0.0.{number}", port=self.port)
                await self.stack.enter_async_context(server)
                self.port = server.port
                self.servers.append(server)
        self.dns.mx_records = {"b.example": [f"mx{number}.b.example" for number in range(1, len(hosts) + 1)]}
        return self.servers

    @property
    def transport(self) -> Transport:
        if self._transport is None:
            settings = {"port": self.port, "private_networks": ["127.0.0.0/8"], **self.delivery}
            router = Router(
                self.dns,
                Delivery.model_validate(settings),
                hostname="gw.a.example",
                shuffle=lambda records: None,
                domains=self.domains,
            )
            dialer = Dialer(
                self.contexts,
                self.limits,
                helo="gw.a.example",
                identities=Identities(self.ca_file),
                alarm=lambda: self.alarms.append("login"),
            )
            policies = StsPolicies(self.tls_dns, self, MemoryCache(), clock=_now)
            publications = Publications(TlsPolicies(self.tls_dns, policies))
            self._transport = Transport(
                router, dialer, publications, limits=self.pool, clock=_now, observer=self.observer, shaping=self.shaping
            )
            self.stack.push_async_callback(self._transport.close)
        return self._transport

    def publish_tlsa(self, number: int, *records: Tlsa) -> None:
        """Sign the zone of an MX host, with these TLSA records."""
        host = f"mx{number}.b.example"
        self.dns.signed = {"b.example"}
        self.tls_dns.zones["b.example"] = True
        self.tls_dns.records[f"{host} A"] = [f"127.0.0.{number}"]
        wire = [bytes((one.usage, one.selector, one.matching)) + one.data for one in records]
        self.tls_dns.records[f"_{self.port}._tcp.{host} TLSA"] = wire

    def publish_sts(self, mode: Mode, *hosts: str) -> None:
        """Announce a policy for b.example."""
        self.tls_dns.records["_mta-sts.b.example TXT"] = [b"v=STSv1; id=1;"]
        self.sts["b.example"] = StsPolicy(mode=mode, max_age_s=86_400, mx=hosts)

    async def fetch(self, domain: str) -> StsPolicy:
        """The policy host."""
        policy = self.sts[domain]
        if isinstance(policy, FetchError):
            raise policy
        return policy

    async def send(self, needs: Needs, *recipients: str, **more: object) -> Outcome:
        """Send to one recipient (or the first of many)."""
        return (await self.send_all(needs, *recipients, **more))[0]

    async def send_all(self, needs: Needs, *recipients: str, **more: object) -> tuple[Outcome, ...]:
        people = tuple(Recipient(address=address) for address in recipients or ("r@b.example",))
        values = {"domain": "b.example", "mail_from": "s@a.example", "data": BODY, **more}
        return await self.transport.send(SendJob(recipients=people, needs=needs, **values))  # type: ignore[arg-type]


@pytest.fixture
async def net(contexts: Contexts) -> AsyncIterator[Net]:
    """A fresh world; servers and connections end with the test."""
    world = Net(contexts)
    async with world.stack:
        yield world


@pytest.fixture
async def office(store: Store, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Everything that works a queue, on a store of its own. PINs are hashed cheaply: by design it takes 0.1 s."""
    monkeypatch.setattr(pickup, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return Office(store)
