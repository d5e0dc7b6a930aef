"""The parts that reach other people's hosts, put together: names, what is published about them, connections."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.audit import events
from gateway.config import Settings
from gateway.delivery.dialer import Dialer
from gateway.delivery.identity import Identities
from gateway.delivery.lookup import DnsResolver
from gateway.delivery.published import Publications
from gateway.delivery.routes import Router
from gateway.delivery.selftest import SelfTest
from gateway.delivery.timeouts import TimeLimits
from gateway.metrics import Metrics
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.sts import StoredPolicies
from tls.contexts import build_contexts, build_policy_context
from tls.dnssec.lookup import DnssecResolver
from tls.dnssec.verify import ResolverVerdict
from tls.lookup import TlsPolicies
from tls.mta_sts.cache import PolicyCache
from tls.mta_sts.lookup import HttpsFetcher, StsPolicies
from tls.web import WebReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """self_test: of the resolver, to be run beside deliveries; None where AD is not trusted anyway."""

    resolver: DnssecResolver
    router: Router
    dialer: Dialer
    publications: Publications
    self_test: SelfTest | None


def build_outbound(
    settings: Settings,
    policies: PolicyCache,
    *,
    told: Callable[[ResolverVerdict], Awaitable[None]],
    alarm: Callable[[], None] = lambda: None,
    limits: TimeLimits | None = None,
) -> Outbound:
    """Make the parts; nothing is asked yet.

    policies: where MTA-STS policies are kept. told: hears what the resolver's self-test found. alarm: of `Dialer`.
    limits: of a session; the usual ones by default.
    Raises: OSError for `delivery.ca_file` or the resolver.
    """
    hostname, is_ad_trusted = settings.server.hostname, settings.dns.trust_ad
    ca_file, resolvers = settings.delivery.ca_file, settings.dns.resolvers
    resolver = DnssecResolver([(at.host, at.port) for at in resolvers], is_ad_trusted=is_ad_trusted)
    fetcher = HttpsFetcher(WebReader(resolver, build_policy_context(ca_file)))
    names = DnsResolver(resolvers)

    async def heard(verdict: ResolverVerdict) -> None:
        if verdict is ResolverVerdict.VALIDATING:
            names.forget_mx()  # TL-25: an AD of the time before would count from now on
        await told(verdict)

    self_test = SelfTest(resolver, told=heard) if is_ad_trusted else None
    return Outbound(
        resolver=resolver,
        router=Router(
            names,
            settings.delivery,
            hostname=hostname,
            shuffle=random.shuffle,
            domains=settings.domain,
        ),
        dialer=Dialer(
            build_contexts(ca_file), limits or TimeLimits(), helo=hostname, identities=Identities(ca_file), alarm=alarm
        ),
        publications=Publications(
            TlsPolicies(resolver, StsPolicies(resolver, fetcher, policies, clock=_now)), self_test=self_test
        ),
        self_test=self_test,
    )


def build_stored_outbound(settings: Settings, store: Store, metrics: Metrics) -> Outbound:
    """The gateway's own: policies survive in the store, a verdict about the resolver is kept and shown."""

    async def told(verdict: ResolverVerdict) -> None:
        metrics.gauge("dnssec_trusted").set(verdict is ResolverVerdict.VALIDATING)
        await store.settle(Unit(events=(events.resolver_tested(at=_now(), verdict=verdict.value, why=verdict.words),)))

    alarm = metrics.counter("next_hop_login_failures").inc
    return build_outbound(settings, StoredPolicies(store), told=told, alarm=alarm)


def _now() -> datetime:
    return datetime.now(UTC)
