"""TLS reports by the clock (RFC 8460): counts are written down, and each day's reports made, sent and forgotten.

How this works: a report of a day falls due some time in the four hours after that day, another time for each domain.
The first try asks DNS who wants it. Mail goes through the queue, which tries it for a day; web hosts are tried from
here, with growing pauses, for a day as well. What nobody took by then is dropped and counted, never heaped up. The same
report has the same id however often it is sent: a crash between sending and writing that down sends it twice.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from gateway.config import Settings
from gateway.delivery.tls_report import TlsLedger
from gateway.log import get_logger
from gateway.metrics import Metrics
from gateway.store import tls_counts, tls_reports
from gateway.store.errors import StoreError, StoreFull, StoreSick
from gateway.store.store import Store
from gateway.store.tls_reports import Fate, ReportState
from tls.dnssec.lookup import SecureDns
from tls.tlsrpt.lookup import find_rua
from tls.tlsrpt.parse import Via
from tls.tlsrpt.report import Report, Reporter, build_report

WRITE: Final = timedelta(seconds=60)  # a crash loses the counts of this long
SEND: Final = timedelta(seconds=60)
FORGET: Final = timedelta(hours=1)
KEPT: Final = timedelta(days=35)  # for `mailward report tls`
LATEST_COUNTS: Final = timedelta(minutes=5)  # after midnight, until all counts of the day are written
SPREAD_S: Final = 4 * 3600  # RFC 8460 section 4.1: not everybody at midnight
GIVE_UP: Final = timedelta(hours=24)  # RFC 8460 section 5.5
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240))  # the last repeats
AT_ONCE: Final = 8  # reports under way
A_TURN: Final = 200  # reports of one turn; what is over waits for the next

log = get_logger("daemon")


class Poster(Protocol):
    """`gateway.delivery.report_post.HttpsPoster`."""

    async def post(self, url: str, packed: bytes) -> str: ...


class Mailer(Protocol):
    """`gateway.delivery.report_mailer.ReportMailer`."""

    async def send(self, report: Report, packed: bytes, to: str, *, now: datetime, until: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPolicy:
    """is_signed: the author's domain has a DKIM key; without one nobody reads a report by mail (RFC 8460 section 3)."""

    is_enabled: bool
    reporter: Reporter
    is_signed: bool

    @classmethod
    def of(cls, settings: Settings) -> "ReportPolicy":
        reports = settings.tls_reports
        domain = reports.contact.rpartition("@")[2]
        return cls(
            is_enabled=reports.enabled,
            reporter=Reporter(organization=reports.organisation, contact=reports.contact, submitter=domain),
            is_signed=any(one.dkim for one in settings.domain if one.name == domain),
        )


class TlsReports:
    """What `jobs` does by the clock, and `close` at a stop."""

    def __init__(
        self,
        policy: ReportPolicy,
        *,
        store: Store,
        ledger: TlsLedger,
        resolver: SecureDns,
        poster: Poster,
        mailer: Mailer,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policy = policy
        self._store = store
        self._ledger = ledger
        self._resolver = resolver
        self._poster = poster
        self._mailer = mailer
        self._metrics = metrics
        self._clock = clock
        self._writing: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> Sequence[tuple[timedelta, Callable[[], Awaitable[None]]]]:
        """For `Housekeeping`: how often, and what."""
        return ((WRITE, self.write_counts), (SEND, self.send_due), (FORGET, self.forget_old))

    async def write_counts(self) -> None:
        """Write down what was counted since the last time. A caller that is cancelled does not tear it. StoreError."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(self._writing)

    async def close(self) -> None:
        """The last counts, once nothing is delivered any more."""
        try:
            if self._writing is not None and not self._writing.done():
                await self.write_counts()
            await self.write_counts()
        except StoreError as error:
            log.warning("the last counts of TLS sessions are lost", why=type(error).__name__)

    async def send_due(self) -> None:
        """Send what is due now. One domain that makes trouble holds up no other."""
        if not self._policy.is_enabled:
            return
        now = self._clock()
        today = now.astimezone(UTC).date()
        async with self._store.read() as conn:
            waiting = await tls_reports.unreported(conn, today - timedelta(days=3), today - timedelta(days=1), now=now)
        submitter = self._policy.reporter.submitter
        due = [one for one in waiting if due_at(one[0], one[1], submitter=submitter) <= now]
        places = asyncio.Semaphore(AT_ONCE)

        async def one(day: date, domain: str, state: ReportState | None) -> None:
            async with places:
                try:
                    await self._try(state or _fresh(day, domain, now), now)
                except Exception:
                    log.exception("TLS report not made, the next turn tries again", domain=domain)

        await asyncio.gather(*(one(*each) for each in due[:A_TURN]))

    async def forget_old(self) -> None:
        """Delete counts that no report needs any more."""
        await tls_counts.forget(self._store, before=(self._clock().astimezone(UTC) - KEPT).date())

    async def _write(self) -> None:
        sums = self._ledger.take()
        try:
            left = await tls_counts.add(self._store, sums)
        except BaseException:
            self._ledger.give_back(sums)
            raise
        if left:
            self._metrics.counter("tls_report_overflow").inc(left.total())

    async def _try(self, state: ReportState, now: datetime) -> None:
        """One try at one report, and where it stands afterwards."""
        until = due_at(state.day, state.domain, submitter=self._policy.reporter.submitter) + GIVE_UP
        if state.left is None:
            state = await self._addressed(state)
        if state.fate is Fate.WAITS and state.left and now < until:
            state = await self._send(state, until)
        state = replace(state, tries=state.tries + 1, next_at=now + PAUSES[min(state.tries, len(PAUSES) - 1)])
        await self._save(self._ended(state, is_over=now >= until))

    async def _addressed(self, state: ReportState) -> ReportState:
        """Ask DNS who wants it."""
        wanted = await find_rua(self._resolver, state.domain)
        if wanted is None:
            return state
        usable = [rua for rua in wanted if rua.via is not Via.MAIL or self._policy.is_signed]
        if len(usable) < len(wanted):
            log.warning("TLS report not mailed: no DKIM key for tls_reports.contact", domain=state.domain)
            self._metrics.counter("tls_reports", "mail", "dropped").inc(len(wanted) - len(usable))
        fate = state.fate if wanted else Fate.UNWANTED
        return replace(state, fate=fate, left=tuple(f"{rua.via.value}:{rua.target}" for rua in usable))

    async def _send(self, state: ReportState, until: datetime) -> ReportState:
        async with self._store.read() as conn:
            counted = await tls_counts.of_day(conn, state.domain, state.day)
        reporter = self._policy.reporter
        report_id = _report_id(state, reporter.submitter)
        report = build_report(counted, domain=state.domain, day=state.day, reporter=reporter, report_id=report_id)
        if report is None:  # the counts were deleted meanwhile
            return replace(state, left=())
        packed = await asyncio.to_thread(report.pack)
        left = [target for target in state.left or () if not await self._hand_over(target, report, packed, until)]
        return replace(state, left=tuple(left), taken=state.taken + len(state.left or ()) - len(left))

    async def _hand_over(self, target: str, report: Report, packed: bytes, until: datetime) -> bool:
        """One address. Returns: whether it is done with. A bug is no reason to send to the others again."""
        via, _, address = target.partition(":")
        try:
            if via == Via.MAIL.value:
                await self._mailer.send(report, packed, address, now=self._clock(), until=until)
                return True
            why = await self._poster.post(address, packed)
        except Exception:
            log.exception("TLS report not handed over", domain=report.domain)
            return False
        if why:
            host = urlsplit(address).hostname  # the rest of the address may hold a secret of theirs
            log.info("TLS report not taken", domain=report.domain, host=host, why=why)
            return False
        self._metrics.counter("tls_reports", "https", "sent").inc()
        return True

    async def _save(self, state: ReportState) -> None:
        """Waits out a sick store: what was sent cannot be taken back, and would be sent again."""
        while True:
            try:
                return await tls_reports.save(self._store, state)
            except (StoreFull, StoreSick):
                await self._store.wait_healthy()

    def _ended(self, state: ReportState, *, is_over: bool) -> ReportState:
        """With its end, when this is one."""
        if state.fate is not Fate.WAITS or (state.left != () and not is_over):
            return state
        for target in state.left or ():
            via = "https" if target.startswith(Via.HTTPS.value) else "mail"
            self._metrics.counter("tls_reports", via, "dropped").inc()
        if state.left is None:
            self._metrics.counter("tls_reports", "unknown", "dropped").inc()
        return replace(state, fate=Fate.SENT if state.taken else Fate.DROPPED)


def due_at(day: date, domain: str, *, submitter: str) -> datetime:
    """When the report of a day is sent first: the same at each start, another time for each domain and each sender."""
    digest = hashlib.sha256(f"{submitter} {domain} {day.isoformat()}".encode()).digest()
    jitter_s = int.from_bytes(digest[:4], "big") % SPREAD_S
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC)
    return midnight + LATEST_COUNTS + timedelta(seconds=jitter_s)


def _fresh(day: date, domain: str, now: datetime) -> ReportState:
    return ReportState(day=day, domain=domain, fate=Fate.WAITS, tries=0, taken=0, next_at=now)


def _report_id(state: ReportState, submitter: str) -> str:
    digest = hashlib.sha256(f"{submitter} {state.domain}".encode()).hexdigest()
    return f"{state.day.isoformat()}-{digest[:16]}"
