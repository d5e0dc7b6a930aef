"""TLS reports put together from the settings: who looks up, posts, mails, counts and keeps time."""

import asyncio
from functools import partial

from gateway.config import Settings
from gateway.daemon.queueing import Queueing
from gateway.daemon.tls_reports import ReportPolicy, TlsReports
from gateway.delivery.report_mailer import ReportMailer
from gateway.delivery.report_post import HttpsPoster
from gateway.delivery.routes import is_allowed
from gateway.metrics import Metrics
from gateway.store.store import Store
from tls.contexts import build_policy_context
from tls.dnssec.lookup import DnssecResolver


async def build_reports(settings: Settings, store: Store, queueing: Queueing, metrics: Metrics) -> TlsReports:
    """Make the parts; nothing runs yet. Raises: OSError or ssl.SSLError for `delivery.ca_file` or the resolver."""
    resolver = DnssecResolver([(one.host, one.port) for one in settings.dns.resolvers], is_ad_trusted=False)
    networks = settings.delivery.private_networks
    context = await asyncio.to_thread(build_policy_context, settings.delivery.ca_file)
    return TlsReports(
        ReportPolicy.of(settings),
        store=store,
        ledger=queueing.ledger,
        resolver=resolver,
        poster=HttpsPoster(resolver, context, is_allowed=partial(is_allowed, private_networks=networks)),
        mailer=ReportMailer(
            store=store,
            scheduler=queueing.scheduler,
            author=settings.tls_reports.contact,
            organisation=settings.tls_reports.organisation,
            hostname=settings.server.hostname,
        ),
        metrics=metrics,
    )
