"""The gateway put together from its settings: what is started in which order, and stopped in the reverse one.

Everything is made by hand here, once; no room knows another that it does not need. Start is all or nothing: when one
part fails, what was started before is stopped, and no port stays open.
"""

import asyncio
import os
import platform
import socket
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from cryptography import x509

from gateway.audit import checkpoint, events
from gateway.config import Settings
from gateway.config.custom import read_custom
from gateway.control.office import Office
from gateway.control.operations import Operations
from gateway.control.server import ControlServer
from gateway.daemon import agreements, held, key_care
from gateway.daemon.agreements import Agreements
from gateway.daemon.config_alarm import ConfigAlarm
from gateway.daemon.desk import Desk
from gateway.daemon.held import HeldMail
from gateway.daemon.housekeeping import GAUGES, LAST_USES, Housekeeping
from gateway.daemon.in_force import CurrentPipeline, InForce
from gateway.daemon.key_care import KeyCare
from gateway.daemon.observer import IntakeMetrics
from gateway.daemon.queueing import Queueing, build_queueing, revocation_jobs
from gateway.daemon.renewal import Renewal
from gateway.daemon.reporting import build_reports
from gateway.daemon.signing import EVERY as ROTATIONS
from gateway.daemon.signing import Signing
from gateway.delivery.smime_identities import SmimeIdentities
from gateway.inspect.clamd import Clamd
from gateway.inspect.converter import Converter, convert_pool
from gateway.inspect.editor import Editor, edit_pool
from gateway.inspect.inspector import Inspector, inspector_pool
from gateway.inspect.renderer import Renderer, render_pool
from gateway.inspect.screened import ScreenedInspector
from gateway.intake.auth import Authenticator
from gateway.intake.book import AccountBook
from gateway.intake.door import Services
from gateway.intake.guard import Guard
from gateway.intake.listeners import Intake
from gateway.log import get_logger
from gateway.message.event import Event
from gateway.message.optout import UNSUBSCRIBE
from gateway.metrics import Metrics
from gateway.pipeline.backlog import Backlog
from gateway.pipeline.brakes import Brakes
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.footers import Shop
from gateway.pipeline.submit import Pipeline
from gateway.pipeline.submit_policy import SubmitPolicy
from gateway.protect.dkim import Signer
from gateway.protect.dkim_desk import SigningDesk, signing_pool
from gateway.protect.sealer import LIMITS, MODULE, Sealer
from gateway.store import decisions
from gateway.store.bindings import persons_key
from gateway.store.errors import StoreClosed, StoreError
from gateway.store.opening import open_store
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.web.health import health_app
from gateway.web.portal.app import portal_app
from gateway.web.portal.deps import PortalDeps
from gateway.web.serve import HttpServer, renew, server_context
from gateway.workers.pool import ChildPool

INTAKE_STOP_S: Final = 5  # messages between DATA and dot may finish; then 421
FORGET_EVERY: Final = timedelta(hours=6)
DELIVERY_STOP_S: Final = 14  # deliveries under way may come to a rest while intake and portal stop; 20 s are promised

log = get_logger("daemon")


class Gateway:
    """One running gateway. Use `start`, then `stop`, once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._stack = AsyncExitStack()
        self._not_ready: list[str] = ["starting"]
        self._store: Store | None = None
        self._inspectors: ChildPool | None = None
        self._portal_tls: ssl.SSLContext | None = None
        self._queueing: Queueing | None = None
        self._backlog: Backlog | None = None
        self._signing: Signing | None = None
        self._smime = SmimeIdentities()
        self._in_force: InForce | None = None
        self.config_alarm = ConfigAlarm(self.metrics, self._commit)
        self._patience_until = 0.0  # by the loop's clock
        self.tasks: tuple[asyncio.Task[None], ...] = ()
        self.intake: Intake | None = None
        self.portal: HttpServer | None = None
        self.health: HttpServer | None = None

    async def start(self) -> None:
        """Bring everything up; mail is accepted when this returns. Raises: whatever kept a part from starting."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        self._not_ready.clear()

    async def stop(self) -> None:
        """Intake first, then deliveries, then what they rest on; within 20 s."""
        self._not_ready.append("stopping")
        self._patience_until = asyncio.get_running_loop().time() + DELIVERY_STOP_S
        if self._queueing is not None:
            self._queueing.scheduler.stop()
            self._queueing.transport.admit_no_more()
        await self._stack.aclose()

    async def reload(self) -> bool:
        """Read certificates and our keys again. Returns: False when one is bad and the old ones stay."""
        portal, context = self.settings.portal, self._portal_tls
        is_good = self.intake is None or self.intake.reload()
        is_good = (self._signing is None or await self._signing.read_files()) and is_good
        is_good = await asyncio.to_thread(self._smime.read) and is_good
        try:
            if context is not None:
                renew(context, portal.certificate, portal.private_key)
        except (OSError, ssl.SSLError) as error:
            log.error("portal certificate not read, the old one stays", why=type(error).__name__)
            return False
        if is_good:
            self._show_certificates()
        self.metrics.gauge("config_reload_success_timestamp_seconds").set(_now().timestamp())
        return is_good

    async def take_up(self, read: Settings) -> tuple[str, ...]:
        """Put the policy of a good file in force. Returns: keys that wait for a restart; /readyz warns of them."""
        waiting = () if self._in_force is None else await self._in_force.take_up(read)
        self.config_alarm.waiting(waiting)
        return waiting

    def unready(self) -> tuple[str, ...]:
        """Why mail cannot be accepted right now, in words; empty when it can (OP-04)."""
        reasons = list(self._not_ready)
        if self._store is not None and self._store.fault is not None:
            reasons.append(f"store: {type(self._store.fault).__name__}")
        if self._backlog is not None and self._backlog.is_full:
            reasons.append("queue: limits.queue_messages is reached")
        if self._inspectors is not None and not self._inspectors.alive:
            reasons.append("no inspector runs")
        return tuple(reasons)

    async def _commit(self, event: Event) -> None:
        """Raises: StoreError."""
        if self._store is None:
            raise StoreClosed
        await self._store.commit(Unit(events=(event,)))

    async def _start(self) -> None:
        settings = self.settings
        node = f"{socket.gethostname()}-{os.getpid()}"[:40]
        self.health = await self._http(HttpServer(
            health_app(self.metrics, self.unready, lambda: self.config_alarm.warnings),
            host=settings.metrics.bind.host, port=settings.metrics.bind.port, tls=None,
        ))  # fmt: skip
        store = await open_store(settings, node=node)
        self._stack.push_async_callback(store.close)
        self._store = store
        signer = await checkpoint.load_signer(store, hostname=settings.server.hostname)
        await store.commit(Unit(events=(events.gateway_started(at=_now(), version=_version(), node=node),)))
        book = AccountBook(store)
        self._stack.push_async_callback(self._last_words, store, signer, book)

        custom = replace(read_custom(settings.classification), persons_key=persons_key(store.vault))
        inspectors = inspector_pool(settings.server.inspectors or os.cpu_count() or 1, custom=custom)
        self._inspectors = await self._pool(inspectors)
        sealers = await self._pool(ChildPool(MODULE, 1, LIMITS, "sealer"))
        renderers = await self._pool(render_pool())
        converters = self._spare(convert_pool())
        editors = self._spare(edit_pool(custom=custom))
        signers = self._spare(signing_pool())
        self._signing = signing = Signing(settings, store, Signer((), SigningDesk(signers)))
        await signing.load()
        queueing = build_queueing(settings, store, Sealer(sealers), Converter(converters), signing.signer, self.metrics)
        self._smime = queueing.smime.identities
        self._backlog = backlog = Backlog(store, limit=settings.limits.queue_messages, metrics=self.metrics)
        await backlog.measure()  # RX-09: what the last run left counts from the first message on
        reports = await build_reports(settings, store, queueing, self.metrics)
        self._stack.push_async_callback(reports.close)
        watch = HeldMail(
            store, settings.policy, own_mail=queueing.own_mail, scheduler=queueing.scheduler, metrics=self.metrics
        )
        care = KeyCare(store, settings, queueing.finder, self.metrics)
        housekeeping = Housekeeping(
            store=store, about=queueing.about, scheduler=queueing.scheduler, signer=signer, metrics=self.metrics,
            held_for=settings.retention.held,
            more=(
                (LAST_USES, book.write_uses), (GAUGES, backlog.measure), (ROTATIONS, signing.look),
                (agreements.EVERY, Agreements(store, self.metrics).look), (held.EVERY, watch.look),
                (key_care.COUNT_EVERY, care.count), (key_care.RENEW_EVERY, care.renew),
                (FORGET_EVERY, self._forget_decisions), *revocation_jobs(queueing), *reports.jobs,
            ),
        )  # fmt: skip
        await self._background(queueing, housekeeping)
        self._watch_certificates()
        self.portal = await self._start_portal(store, queueing, Renderer(renderers))
        editor = Editor(editors)
        office = Office(store, settings, queueing.scheduler.withdraw, keys_changed=signing.load, changer=editor)
        operations = Operations(office, queueing.scheduler.wake)
        control = ControlServer(settings.server.data_dir, operations)
        await control.start()
        self._stack.push_async_callback(control.stop)
        readers = self._inspector(self._inspectors), editor
        pipeline = self._pipeline(store, queueing, readers, backlog)
        self.intake = await self._start_intake(pipeline, book, backlog)
        users = (pipeline.prepare, queueing.recheck.prepare, operations.prepare, watch.prepare)
        self._in_force = InForce(settings, users, self._commit)
        self._show_certificates()
        self.metrics.gauge("build_info", _version(), platform.python_version(), ssl.OPENSSL_VERSION).set(1)

    async def _background(self, queueing: Queueing, housekeeping: Housekeeping) -> None:
        """Deliveries and housekeeping, each in a task that is held here; one that dies takes the gateway down."""
        working = asyncio.create_task(queueing.scheduler.run(), name="scheduler")
        keeping = asyncio.create_task(housekeeping.run(), name="housekeeping")
        self.tasks = (working, keeping)
        self._queueing = queueing
        if queueing.self_test is not None:
            self._watch(asyncio.create_task(queueing.self_test.run(), name="resolver"))

        async def stop() -> None:
            queueing.scheduler.stop()
            keeping.cancel()
            patience_s = max(0.0, self._patience_until - asyncio.get_running_loop().time())
            await asyncio.wait({working, keeping}, timeout=patience_s)
            working.cancel()
            await asyncio.wait({working, keeping})
            await queueing.transport.close()

        self._stack.push_async_callback(stop)

    def _inspector(self, pool: ChildPool) -> Inspector:
        scanner = self.settings.scanner
        if scanner.clamd is None:
            return Inspector(pool)
        return ScreenedInspector(pool, Clamd(scanner.clamd, time_limit_s=scanner.timeout.total_seconds()))

    def _watch_certificates(self) -> None:
        server, portal = self.settings.server.tls, self.settings.portal
        authorities = (one.client_ca for one in self.settings.listener if one.client_ca is not None)
        signing = (entry.private_key for domain in self.settings.domain for entry in domain.dkim)
        files = (server.certificate, server.private_key, portal.certificate, portal.private_key, *authorities, *signing)
        files += self._smime.paths
        self._watch(asyncio.create_task(Renewal(files, self.reload).run(), name="certificates"))

    def _watch(self, task: asyncio.Task[None]) -> None:
        """Hold a task that goes on until the end."""
        self.tasks += (task,)
        self._stack.callback(task.cancel)

    async def _start_portal(self, store: Store, queueing: Queueing, renderer: Renderer) -> HttpServer:
        portal = self.settings.portal
        desk = Desk(store, queueing.own_mail, queueing.about, queueing.scheduler)
        self._portal_tls = server_context(portal.certificate, portal.private_key)
        app = portal_app(
            PortalDeps(
                organisation=self.settings.domain[0].organisation,
                organisations={domain.name: domain.organisation for domain in self.settings.domain},
                neutral_name=portal.neutral_name,
                base_url=portal.base_url,
                store=store,
                reader=renderer,
                metrics=self.metrics,
                desk=desk,
                unsubscribe_key=store.vault.hash_key(UNSUBSCRIBE),
            )
        )
        return await self._http(HttpServer(app, host=portal.bind.host, port=portal.bind.port, tls=self._portal_tls))

    def _pipeline(
        self, store: Store, queueing: Queueing, readers: tuple[Inspector, Editor], backlog: Backlog
    ) -> CurrentPipeline:
        inspector, editor = readers
        brakes = Brakes(store, self.settings.brake, self.metrics)  # it goes on counting through a reload

        def make(settings: Settings) -> Pipeline:
            return Pipeline(
                SubmitPolicy(
                    hostname=settings.server.hostname,
                    domains=frozenset(domain.name for domain in settings.domain),
                    subject_tags=settings.policy.subject_tags,
                    expire_after=settings.delivery.expire_after,
                ),
                store=store,
                inspector=inspector,
                facts=FactFinder(settings),
                scheduler=queueing.scheduler,
                own_mail=queueing.own_mail,
                brakes=brakes,
                backlog=backlog,
                metrics=self.metrics,
                shop=Shop.of(settings, store.vault),
                changer=editor,
            )

        return CurrentPipeline(make, self.settings)

    async def _start_intake(self, pipeline: CurrentPipeline, book: AccountBook, backlog: Backlog) -> Intake:
        settings = self.settings
        authenticator, observer = Authenticator(book), IntakeMetrics(self.metrics)
        self._stack.callback(authenticator.close)
        intake = Intake(
            settings.listener,
            settings.server.tls,
            Services(
                submit=pipeline.submit,
                may_begin=backlog.refusal,
                may_accept=pipeline.may_accept,
                account=book.by_login,
                note_use=book.note_use,
                verifier=Guard(authenticator, book, locked=observer.locked),
                observer=observer,
            ),
            hostname=settings.server.hostname,
            domains=[domain.name for domain in settings.domain],
            data_dir=settings.server.data_dir,
        )
        await intake.start()
        self._stack.push_async_callback(intake.stop, INTAKE_STOP_S)
        return intake

    async def _http(self, server: HttpServer) -> HttpServer:
        await server.start()
        self._stack.push_async_callback(server.stop)
        return server

    async def _pool(self, pool: ChildPool) -> ChildPool:
        await pool.start()
        self._stack.push_async_callback(pool.stop)
        return pool

    def _spare(self, pool: ChildPool) -> ChildPool:
        """One that is started by the first message that needs it."""
        self._stack.push_async_callback(pool.stop)
        return pool

    async def _forget_decisions(self) -> None:
        """Records of decisions are kept for `retention.evidence` and no longer."""
        if self._store is not None:
            await decisions.forget(self._store, before=_now() - self.settings.retention.evidence)

    async def _last_words(self, store: Store, signer: checkpoint.Signer, book: AccountBook) -> None:
        try:
            await book.write_uses()
            await store.commit(Unit(events=(events.gateway_stopped(at=_now(), node=store.node),)))
            await checkpoint.make(store, signer, now=_now())
        except StoreError as error:
            log.warning("the audit log ends without a last word", why=type(error).__name__)

    def _show_certificates(self) -> None:
        files = {"server": self.settings.server.tls.certificate, "portal": self.settings.portal.certificate}
        for name, path in files.items():
            end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
            self.metrics.gauge("certificate_expiry_timestamp_seconds", name).set(end.timestamp())


def _now() -> datetime:
    return datetime.now(UTC)


def _version() -> str:
    try:
        return version("mailward")
    except PackageNotFoundError:
        return "from sources"
