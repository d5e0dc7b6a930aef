"""The parts that move mail, put together: scheduler, ladder, transport, forms and mail of our own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from gateway.config import Settings
from gateway.config.modes import CodeChannel
from gateway.config.smime_places import placed_smime_identities
from gateway.daemon.housekeeping import Job
from gateway.daemon.in_force import CurrentRecheck
from gateway.daemon.outbound import Outbound, build_stored_outbound
from gateway.delivery.about import About
from gateway.delivery.clerk import Clerk
from gateway.delivery.courier import Courier
from gateway.delivery.discovery import KeyFinder
from gateway.delivery.ladder import LadderPolicy
from gateway.delivery.needs import NeedsPolicy
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.pool import PoolLimits
from gateway.delivery.publish import Publisher
from gateway.delivery.revocation import Revocation
from gateway.delivery.routes import is_allowed
from gateway.delivery.scheduler import Scheduler
from gateway.delivery.selftest import SelfTest
from gateway.delivery.shaping import Shaping, build_shaping
from gateway.delivery.smime_identities import SmimeIdentities
from gateway.delivery.smime_ring import SmimeRing
from gateway.delivery.tls_report import TlsLedger
from gateway.delivery.transport import Transport
from gateway.inspect.converter import Converter
from gateway.metrics import Metrics
from gateway.pipeline.recheck import Recheck
from gateway.protect.dkim import Signer
from gateway.protect.sealer import Sealer
from gateway.store.store import Store
from tls.contexts import build_policy_context
from tls.levels import TlsLevel
from tls.web import WebReader

REVOCATION_EVERY: Final = timedelta(hours=6)  # answers are kept for a day: each certificate is asked about daily
CODE_LEVELS: Final = {CodeChannel.VERIFIED: TlsLevel.VERIFIED, CodeChannel.ENCRYPTED: TlsLevel.ENCRYPTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """Made together because they know each other: what a worker writes itself goes back into the scheduler's line."""

    scheduler: Scheduler
    own_mail: OwnMail
    about: About
    transport: Transport
    ledger: TlsLedger
    self_test: SelfTest | None
    finder: KeyFinder
    smime: SmimeRing
    revocation: Revocation | None
    recheck: CurrentRecheck


def build_queueing(
    settings: Settings, store: Store, sealer: Sealer, converter: Converter, signer: Signer, metrics: Metrics
) -> Queueing:
    """Make the parts; nothing runs yet. Raises: OSError for a file or the resolver."""
    own_mail = OwnMail(OwnMailPolicy.of(settings), lease=lambda: scheduler.lease_until)
    about = About(store, own_mail, metrics)
    ledger = TlsLedger(overflow=metrics.counter("tls_report_overflow").inc)
    outbound = build_stored_outbound(settings, store, metrics)
    delivery, portal = settings.delivery, settings.portal
    shaping = build_shaping(delivery)
    finder = _finder(settings, outbound, sealer, store, metrics)
    transport = _transport(settings, outbound, ledger, shaping)
    revocation = _revocation(settings, outbound, sealer, store, metrics)
    smime = _smime_ring(settings, revocation)
    recheck = CurrentRecheck(lambda current: Recheck(current, store), settings)
    clerk = Clerk(
        store=store,
        courier=Courier(
            store=store,
            transport=transport,
            signer=signer,
            converter=converter,
            sealer=sealer,
            needs=NeedsPolicy(unsigned_mx=settings.tls.unsigned_mx, code_level=CODE_LEVELS[portal.code_channel]),
            inbound={domain.name: domain.inbound for domain in settings.domain if domain.inbound is not None},
            metrics=metrics,
            smime=smime,
            finder=finder,
        ),
        ladder=LadderPolicy(
            tls_deadline=delivery.tls_deadline,
            urgent_tls_deadline=delivery.urgent_tls_deadline,
            delay_notice=delivery.delay_notice,
            retry=delivery.retry,
        ),
        own_mail=own_mail,
        about=about,
        publisher=Publisher(own_mail, lifetime=portal.message_lifetime, channel=portal.code_channel),
        metrics=metrics,
        take=lambda messages: scheduler.take_new(messages),
        recheck=recheck,
    )
    scheduler: Scheduler = Scheduler(store, clerk, shaper=shaping.domains, delay_notice=delivery.delay_notice)
    return Queueing(
        scheduler=scheduler,
        own_mail=own_mail,
        about=about,
        transport=transport,
        ledger=ledger,
        self_test=outbound.self_test,
        finder=finder,
        smime=smime,
        revocation=revocation,
        recheck=recheck,
    )


def revocation_jobs(queueing: Queueing) -> tuple[Job, ...]:
    """The daily look at revocation, where issuers are asked at all."""
    return ((REVOCATION_EVERY, queueing.revocation.refresh),) if queueing.revocation is not None else ()


def _transport(settings: Settings, outbound: Outbound, ledger: TlsLedger, shaping: Shaping) -> Transport:
    most = max([PoolLimits().per_destination, *(route.concurrency for route in settings.delivery.route)])
    return Transport(
        outbound.router,
        outbound.dialer,
        outbound.publications,
        limits=PoolLimits(per_destination=most),
        clock=lambda: datetime.now(UTC),
        observer=ledger,
        shaping=shaping,
    )


def _finder(settings: Settings, outbound: Outbound, sealer: Sealer, store: Store, metrics: Metrics) -> KeyFinder:
    web = _web(settings, outbound)
    return KeyFinder(settings.discovery, web=web, dns=outbound.resolver, sealer=sealer, store=store, metrics=metrics)


def _revocation(
    settings: Settings, outbound: Outbound, sealer: Sealer, store: Store, metrics: Metrics
) -> Revocation | None:
    """None: issuers are not asked."""
    if not settings.smime.ocsp:
        return None
    web = _web(settings, outbound)
    failure = settings.smime.ocsp_failure
    return Revocation(web=web, sealer=sealer, store=store, metrics=metrics, failure=failure)


def _web(settings: Settings, outbound: Outbound) -> WebReader:
    delivery = settings.delivery
    allowed = partial(is_allowed, private_networks=delivery.private_networks)
    return WebReader(outbound.resolver, build_policy_context(delivery.ca_file), is_allowed=allowed)


def _smime_ring(settings: Settings, revocation: Revocation | None) -> SmimeRing:
    """With the identities read; a bad one is in the log by then, and its domain's mail waits on this rung."""
    identities = SmimeIdentities(placed_smime_identities(settings))
    identities.read()
    return SmimeRing(settings.smime.ca_file, identities, revocation)
