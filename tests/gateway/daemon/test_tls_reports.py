"""TLS reports by the clock (TL-29, RFC 8460): due, made, sent, tried again, dropped; and never two a day."""

import asyncio
import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.config import Settings
from gateway.daemon.tls_reports import PAUSES, SPREAD_S, ReportPolicy, TlsReports, due_at
from gateway.delivery.tls_report import SeenTls, TlsLedger
from gateway.metrics import Metrics
from gateway.store import tls_counts, tls_reports
from gateway.store.errors import StoreSick
from gateway.store.store import Store
from gateway.store.tls_reports import Fate
from tests.gateway.config.samples import settings
from tests.gateway.waiting import until
from tests.tls.fake_dns import FakeDns
from tls.failures import TlsFailure
from tls.tlsrpt.count import count_success
from tls.tlsrpt.report import Report, Reporter
from tls.tlsrpt.results import AppliedPolicy, PolicyType

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)  # everything of the day before is due
MAIL, WEB = "mailto:tls@b.example", "https://reports.b.example/v1"
RECORD = "_smtp._tls.b.example TXT"
REPORTER = Reporter(organization="Clinic A", contact="tls@clinic.example", submitter="clinic.example")


@dataclass
class World:
    """A reporter with nothing real around it but the store. answers: of the web host, in turn, the last for ever."""

    store: Store
    now: datetime = NOON
    dns: FakeDns = field(default_factory=FakeDns)
    answers: list[str] = field(default_factory=lambda: [""])
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    mailed: list[tuple[str, Report, datetime]] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    under_way: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def reporter(self, *, is_enabled: bool = True, is_signed: bool = True) -> TlsReports:
        return TlsReports(
            ReportPolicy(is_enabled=is_enabled, reporter=REPORTER, is_signed=is_signed),
            store=self.store, ledger=self.ledger, resolver=self.dns, poster=self, mailer=self, metrics=self.metrics,
            clock=lambda: self.now,
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.ledger = TlsLedger(clock=lambda: self.now)
        self.gate.set()

    async def post(self, url: str, packed: bytes) -> str:
        self.under_way += 1
        await self.gate.wait()
        self.under_way -= 1
        self.posted.append((url, packed))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "bug":
            raise RuntimeError("bug")
        return answer

    async def send(self, report: Report, packed: bytes, to: str, *, now: datetime, until: datetime) -> None:
        self.mailed.append((to, report, until))

    async def count(self, *domains: str, day: date = DAY) -> None:
        sums = Counter(
            {
                count_success(domain, day, AppliedPolicy(type=PolicyType.NONE, domain=domain)): 3
                for domain in domains or ("b.example",)
            }
        )
        await tls_counts.add(self.store, sums)

    async def states(self) -> dict[str, tuple[Fate, int]]:
        async with self.store.read() as conn:
            return {one.domain: (one.fate, one.tries) for one in await tls_reports.since(conn, DAY)}

    def wants(self, *addresses: str, domain: str = "b.example") -> None:
        text = f"v=TLSRPTv1; rua={','.join(addresses)}"
        self.dns.records[f"_smtp._tls.{domain} TXT"] = [text.encode()]

    def metric(self, via: str, result: str) -> float:
        value = self.metrics.registry.get_sample_value("mailward_tls_reports_total", {"via": via, "result": result})
        return value or 0.0


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


async def test_a_day_is_reported_once(world: World) -> None:
    """TL-29: by mail and by web; the sums of that day alone, and not a second time."""
    await world.count()
    await world.count(day=DAY + timedelta(days=1))
    world.wants(MAIL, WEB)
    reports = world.reporter()
    await reports.send_due()
    await reports.send_due()
    ((url, packed),) = world.posted
    ((to, report, until),) = world.mailed
    assert (url, to) == (WEB, "tls@b.example")
    assert until == due_at(DAY, "b.example", submitter="clinic.example") + timedelta(hours=24)
    body = json.loads(gzip.decompress(packed))
    assert body == report.body
    assert body["date-range"]["start-datetime"] == "2026-11-23T00:00:00Z"
    assert body["policies"][0]["summary"] == {"total-successful-session-count": 3, "total-failure-session-count": 0}
    assert await world.states() == {"b.example": (Fate.SENT, 1)}
    assert (world.metric("https", "sent"), world.metric("https", "dropped")) == (1, 0)


async def test_a_domain_that_asks_for_nothing_gets_nothing(world: World) -> None:
    await world.count()
    await world.reporter().send_due()
    await world.reporter().send_due()
    assert (world.posted, world.mailed) == ([], [])
    assert await world.states() == {"b.example": (Fate.UNWANTED, 1)}
    assert world.dns.asked == [RECORD]


async def test_switched_off(world: World) -> None:
    """`tls_reports.enabled = false`: nobody is asked and nothing leaves."""
    await world.count()
    world.wants(WEB)
    await world.reporter(is_enabled=False).send_due()
    assert (world.posted, world.dns.asked, await world.states()) == ([], [], {})


async def test_no_mail_without_a_key(world: World) -> None:
    """RFC 8460 3: receivers ignore a report that is not signed; the web host still gets it."""
    await world.count()
    world.wants(MAIL, WEB)
    await world.reporter(is_signed=False).send_due()
    assert (world.mailed, len(world.posted), world.metric("mail", "dropped")) == ([], 1, 1)
    assert await world.states() == {"b.example": (Fate.SENT, 1)}


@pytest.mark.slow
async def test_a_report_is_tried_for_a_day_and_dropped(world: World) -> None:
    """RFC 8460 5.5: only the address that did not take it, with pauses, for 24 hours; then it is counted as lost."""
    await world.count()
    world.wants(MAIL, WEB)
    world.answers = ["answered 503"]
    reports = world.reporter()
    first = due_at(DAY, "b.example", submitter="clinic.example")
    world.now = first
    tried: list[timedelta] = []
    while world.now < first + timedelta(hours=30):
        before = len(world.posted)
        await reports.send_due()
        if len(world.posted) > before:
            tried.append(world.now - first)
        world.now += timedelta(minutes=15)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[: len(PAUSES)] == list(PAUSES)
    assert tried[-1] < timedelta(hours=24)
    assert len({packed for _, packed in world.posted}) == 1  # the same id, so that it counts once where it arrived
    assert len(world.mailed) == 1
    assert (await world.states())["b.example"][0] is Fate.SENT  # by mail
    assert world.metric("https", "dropped") == 1


@pytest.mark.parametrize("address", [WEB, None])
async def test_what_nobody_took_is_dropped(world: World, address: str | None) -> None:
    """None: DNS never told who wants it."""
    await world.count()
    world.answers = ["answered 503"]
    if address is None:
        world.dns.failed.add(RECORD)
    else:
        world.wants(address)
    await world.reporter().send_due()
    assert await world.states() == {"b.example": (Fate.WAITS, 1)}
    world.now += timedelta(days=2)
    await world.reporter().send_due()
    assert (await world.states())["b.example"][0] is Fate.DROPPED
    assert world.metric("https" if address else "unknown", "dropped") == 1
    posted = len(world.posted)
    await world.reporter().send_due()
    assert len(world.posted) == posted


async def test_dns_that_fails_is_asked_again(world: World) -> None:
    await world.count()
    world.dns.failed.add(RECORD)
    await world.reporter().send_due()
    world.dns.failed.clear()
    world.wants(WEB)
    await world.reporter().send_due()
    assert world.posted == []  # it rests
    world.now += PAUSES[0]
    await world.reporter().send_due()
    assert await world.states() == {"b.example": (Fate.SENT, 2)}


async def test_a_bug_sends_nothing_twice(world: World) -> None:
    """One address that makes trouble holds up no other, nor makes the others hear it again."""
    await world.count("a.example", "b.example")
    world.wants(MAIL, "https://a.example/", domain="a.example")
    world.wants(WEB)
    world.answers = ["bug", ""]
    await world.reporter().send_due()
    await world.reporter().send_due()
    states = await world.states()
    assert sorted(fate for fate, _ in states.values()) == [Fate.SENT, Fate.WAITS]
    world.now += PAUSES[0]
    await world.reporter().send_due()
    assert {fate for fate, _ in (await world.states()).values()} == {Fate.SENT}
    assert (len(world.posted), len(world.mailed)) == (3, 1)


async def test_a_sick_store_sends_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is written down as soon as the store can write again, not sent again."""
    await world.count()
    world.wants(MAIL)
    write, tries = world.store.transact, iter([_sick, _sick, world.store.transact])
    monkeypatch.setattr(world.store, "transact", lambda *args, **more: next(tries, write)(*args, **more))
    await world.reporter().send_due()
    assert (len(world.mailed), await world.states()) == (1, {"b.example": (Fate.SENT, 1)})


@pytest.mark.slow
async def test_few_at_once(world: World) -> None:
    names = [f"d{number}.example" for number in range(30)]
    await world.count(*names)
    for name in names:
        world.wants(f"https://{name}/", domain=name)
    world.gate.clear()
    sending = asyncio.create_task(world.reporter().send_due())
    await until(lambda: world.under_way >= 8)
    for name in names:  # time for the others to come, too
        async with world.store.read() as conn:
            await tls_counts.of_day(conn, name, DAY)
    assert world.under_way == 8
    world.gate.set()
    await sending
    assert len(world.posted) == 30


def test_not_everybody_at_midnight() -> None:
    """RFC 8460 4.1: domains spread over four hours; a domain hears from many senders, each at another time."""
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    offsets = [(due_at(DAY, f"d{n}.example", submitter="a") - midnight).total_seconds() for n in range(400)]
    assert min(offsets) >= 300
    assert max(offsets) < 300 + SPREAD_S
    quarters = Counter(int((offset - 300) // (SPREAD_S / 4)) for offset in offsets)
    assert min(quarters[n] for n in range(4)) > 60
    assert due_at(DAY, "d1.example", submitter="a") != due_at(DAY, "d1.example", submitter="b")


async def test_nothing_before_its_time(world: World) -> None:
    await world.count()
    world.wants(WEB)
    world.now = due_at(DAY, "b.example", submitter="clinic.example") - timedelta(seconds=1)
    await world.reporter().send_due()
    assert world.posted == []
    world.now += timedelta(seconds=1)
    await world.reporter().send_due()
    assert len(world.posted) == 1


async def counted(store: Store, day: date) -> int:
    async with store.read() as conn:
        return (await tls_counts.of_day(conn, "b.example", day)).total()


async def test_counts_are_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot write costs no count; what comes during a write is for the next one."""
    reports = world.reporter()
    world.ledger.session(SeenTls(domain="b.example"))
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "transact", _sick)
        with pytest.raises(StoreSick):
            await reports.write_counts()
    world.ledger.session(SeenTls(domain="b.example", failure=TlsFailure.EXPIRED))
    await reports.write_counts()
    assert await counted(world.store, NOON.date()) == 2
    world.ledger.session(SeenTls(domain="b.example"))
    await reports.close()
    assert await counted(world.store, NOON.date()) == 3


async def test_a_write_that_is_cancelled_counts_once(world: World) -> None:
    """Housekeeping is cancelled at a stop, perhaps in the middle of it; then the last words write what is left."""
    reports = world.reporter()
    world.ledger.session(SeenTls(domain="b.example"))
    writing = asyncio.create_task(reports.write_counts())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writing.cancel()
    world.ledger.session(SeenTls(domain="b.example"))
    await reports.close()
    assert await counted(world.store, NOON.date()) == 2


async def test_a_stop_does_not_fail_on_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.store, "transact", _sick)
    world.ledger.session(SeenTls(domain="b.example"))
    await world.reporter().close()
    assert world.ledger.take().total() == 1


async def _sick(*_args: Any, **_more: Any) -> None:
    raise StoreSick("no")


async def test_old_counts_go(world: World) -> None:
    await world.count()
    await world.count(day=DAY - timedelta(days=60))
    await world.reporter().forget_old()
    async with world.store.read() as conn:
        assert {session.day for session in await tls_counts.since(conn, date(2026, 1, 1))} == {DAY}


@pytest.mark.parametrize(
    ("more", "contact", "organisation"),
    [
        ("", "postmaster@clinic.example", "clinic.example"),
        ('organisation = "Clinic A"\n', "postmaster@clinic.example", "Clinic A"),
        ('[tls_reports]\ncontact = "tls@clinic.example"\norganisation = "IT"\n', "tls@clinic.example", "IT"),
    ],
)
def test_who_reports(more: str, contact: str, organisation: str) -> None:
    """Everything follows from the first domain where nothing is set."""
    found: Settings = settings(more)
    policy = ReportPolicy.of(found)
    assert (policy.reporter.contact, policy.reporter.organization) == (contact, organisation)
    assert (policy.reporter.submitter, policy.is_enabled, policy.is_signed) == ("clinic.example", True, False)
