"""OB-01 to OB-12 over sockets, from the scripted server to the row in the store; the time is what the test says it is.

The rules one by one are in the tests of the files that keep them; here the whole way is walked once for each case.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gateway.config.values import HostPort
from gateway.delivery import clerk as clerk_module
from gateway.delivery.dialogue import Phase
from gateway.delivery.ladder import LadderPolicy
from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.timeouts import PHASE_LIMITS_S, TimeLimits
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.store.store import Store
from policy.decision import Method
from tests.faulty.server import EXTENSIONS, Close, Drip, Raw, Reaction, Script, Stall, Turns, Wait
from tests.gateway.delivery.clock_loop import pass_time, settle
from tests.gateway.delivery.conftest import CLEAR, Net
from tests.gateway.delivery.fake_dns import FakeDns
from tests.gateway.delivery.office import (
    MARKER,
    MINUTE,
    SENDER,
    FakeTransport,
    Office,
    make_entries,
    make_entry,
    read,
    told,
)

MANY = ("a@b.example", "b@b.example", "c@b.example")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SCHEDULE = LadderPolicy(
    tls_deadline=HOUR,
    urgent_tls_deadline=5 * MINUTE,
    delay_notice=30 * MINUTE,
    retry=(MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR),
)


@dataclass
class Case:
    """Office and network in one: what the office sends goes over loopback to `net`'s servers."""

    net: Net
    store: Store
    inbound: dict[str, HostPort] = field(default_factory=dict)

    def office(self, **more: Any) -> Office:
        transport = cast("FakeTransport", self.net.transport)
        return Office(self.store, transport=transport, inbound=self.inbound, **more)


@pytest.fixture
async def case(net: Net, store: Store) -> Case:
    """Time limits are those of RFC 5321."""
    net.limits = TimeLimits()
    return Case(net, store)


def unprotected(*recipients: str, **more: Any) -> tuple[QueueEntry, ...]:
    return make_entries(*(recipients or ("pat@b.example",)), protected=False, methods=(Method.TLS,), **more)


async def states(office: Office, queue_id: str) -> list[EntryState]:
    return [entry.state for entry in await office.entries(queue_id)]


# --- several recipients ---


async def test_ob_01_each_recipient_has_its_own_ending(case: Case) -> None:
    """OB-01: 250, 450, 550: delivered, kept, given back; each is in the store, and the sender hears of one."""
    await case.net.serve(Script(does={"RCPT": Turns(("250 ok", "450 4.2.1 later", "550 5.1.1 who?"))}))
    office = case.office()
    message = await office.send(*unprotected(*MANY))
    assert await states(office, message.id) == [EntryState.DELIVERED, EntryState.QUEUED, EntryState.BOUNCED]
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [("c@b.example", "failed", "5.1.1")]


@pytest.mark.parametrize(
    "script",
    [
        Script(does={"RCPT": Turns(("250 ok", "552 5.5.3 too many", "552 5.5.3 too many", "250 ok"))}),
        Script(does={"RCPT": Turns(("452 4.5.3 too many", "250 ok"))}),
        Script(extensions=(*EXTENSIONS, "LIMITS RCPTMAX=1")),
        Script(extensions=(*EXTENSIONS, "CHUNKING"), does={"RCPT": Turns(("250 ok", "452 no", "452 no", "250 ok"))}),
    ],
    ids=["552 on the second", "452 on the first", "LIMITS", "452 and CHUNKING"],
)
async def test_ob_02_one_too_many_gets_another_transaction(case: Case, script: Script) -> None:
    """OB-02: nobody is given back, over one connection, in one attempt."""
    (server,) = await case.net.serve(script)
    office = case.office()
    message = await office.send(*unprotected(*MANY))
    assert await states(office, message.id) == [EntryState.DELIVERED] * 3
    assert sorted(address for one in server.messages for address in one.recipients) == list(MANY)
    assert server.connections == 1
    assert {entry.attempts for entry in await office.entries(message.id)} == {1}


# --- in doubt ---


@pytest.mark.parametrize("extensions", [EXTENSIONS, (*EXTENSIONS, "CHUNKING")])
async def test_ob_03_lost_reply_is_a_possible_duplicate(case: Case, extensions: tuple[str, ...]) -> None:
    """OB-03: kept and sent again with the same Message-ID; log and metric say so."""
    broken = Script(extensions=extensions, does={"DOT": ("250 2.0.0 taken", Close())})
    lost = Script(extensions=extensions, does={"DOT": Close()})
    (server,) = await case.net.serve([lost, broken])
    office = case.office()
    message = await office.send(*unprotected())
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.possible_duplicate) == (EntryState.QUEUED, True)
    assert len(await office.events("delivery.possible_duplicate")) == 1
    assert office.metrics.counter("delivery_attempts", "tls", "lost-after-dot")._value.get() == 1
    await office.work(message)
    assert await states(office, message.id) == [EntryState.DELIVERED]
    (again,) = server.messages
    assert b"Message-ID: <1@clinic.example>" in again.data


async def waiting(case: Case, script: Script, **more: object) -> asyncio.Task[Outcome]:
    """A delivery that has come to where the server makes it wait."""
    (server,) = await case.net.serve(script)
    task = asyncio.create_task(case.net.send(CLEAR, **more))
    await server.stalled.wait()
    return task


async def test_ob_04_a_late_250_is_a_delivery(case: Case) -> None:
    """OB-04, RFC 5321 4.5.3.2.6: nine minutes after the dot; the message is not sent again."""
    task = await waiting(case, Script(does={"DOT": (Wait(), "250 2.0.0 taken")}))
    await pass_time(9 * 60)
    assert not task.done()
    case.net.servers[0].go.set()
    assert (await task).seen is Seen.DELIVERED
    assert (case.net.servers[0].connections, len(case.net.servers[0].messages)) == (1, 1)


@pytest.mark.parametrize("verb", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
async def test_ob_05_421_comes_again_later(case: Case, verb: str) -> None:
    """OB-05: one connection, one attempt, the next one after the pause of the schedule."""
    (server,) = await case.net.serve(Script(does={verb: ("421 4.3.2 going down", Close())}))
    office = case.office()
    message = await office.send(*unprotected())
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.attempts, server.connections) == (EntryState.QUEUED, 1, 1)
    assert entry.next_attempt_at > datetime.now(UTC) + MINUTE / 2


# --- replies that are none ---

PERMANENT: dict[str, dict[str, Reaction]] = {
    "550 to MAIL, then close": {"MAIL": ("550 5.7.1 no", Close())},
    "552 to DATA": {"DATA": "552 5.3.4 no"},
    "554 to the dot": {"DOT": "554 5.6.0 no"},
}
TRANSIENT: dict[str, dict[str, Reaction]] = {
    "554 banner": {"BANNER": "554 5.3.2 no"},
    "550 to EHLO": {"EHLO": "550 5.7.1 no"},
    "codes that differ": {"MAIL": Raw(b"250-a\r\n251 b\r\n")},
    "no digits": {"MAIL": Raw(b"OK then\r\n")},
    "a code above 5": {"MAIL": Raw(b"999 what\r\n")},
    "64 KB in lines": {"MAIL": Raw(b"".join(b"550-%s\r\n" % (b"x" * 900) for _ in range(80)) + b"550 x\r\n")},
    "64 KB in one line": {"BANNER": Raw(b"220 " + b"x" * 65_536 + b"\r\n")},
    "endless lines": {"BANNER": Drip(b"220-more\r\n" * 50, 0)},
    "an endless line": {"DOT": Drip(b"250 " + b"x" * 500, 0)},
}


@pytest.mark.parametrize("name", PERMANENT)
async def test_ob_06_5xx_of_the_message_gives_it_back(case: Case, name: str) -> None:
    """OB-06: to MAIL, RCPT, DATA or the dot."""
    await case.net.serve(Script(does=PERMANENT[name]))
    office = case.office()
    message = await office.send(*unprotected())
    assert await states(office, message.id) == [EntryState.BOUNCED]


@pytest.mark.parametrize("name", TRANSIENT)
async def test_ob_06_junk_is_transient_and_bounded(case: Case, name: str) -> None:
    """OB-06: not a word about the message; the connection ends, whatever still comes."""
    await case.net.serve(Script(does=TRANSIENT[name]))
    office = case.office()
    message = await office.send(*unprotected())
    assert await states(office, message.id) == [EntryState.QUEUED]
    (entry,) = await office.entries(message.id)
    assert len(entry.last_reply) < 500


# --- time limits ---

PHASES = [("BANNER", 300), ("EHLO", 300), ("MAIL", 300), ("RCPT", 300), ("DATA", 120), ("DOT", 600)]


@pytest.mark.parametrize(("verb", "limit_s"), PHASES)
async def test_ob_07_each_phase_has_its_limit(case: Case, verb: str, limit_s: int) -> None:
    """OB-07, RFC 5321 4.5.3.2: not a second less, and then the slot is free."""
    task = await waiting(case, Script(extensions=("8BITMIME",), does={verb: Stall()}))
    await pass_time(limit_s - 5)
    assert not task.done()
    await pass_time(10)
    assert task.done()
    assert (await task).seen is (Seen.LOST_AFTER_DOT if verb == "DOT" else Seen.DEFERRED)


def test_ob_07_limits_are_those_of_the_rfc() -> None:
    """OB-07: the ones above and three minutes for each block of the message."""
    assert PHASE_LIMITS_S[Phase.CONTENT] == 180
    assert {Phase[name]: limit for name, limit in PHASES}.items() <= PHASE_LIMITS_S.items()


@pytest.mark.parametrize("extensions", [EXTENSIONS, (*EXTENSIONS, "CHUNKING")])
async def test_ob_07_zero_window(case: Case, extensions: tuple[str, ...]) -> None:
    """OB-07, RFC 5321 4.5.3.2.5: the peer takes nothing of the message: three minutes for a block."""
    does: dict[str, Reaction] = {"DATA": ("354 go", Stall()), "BDAT": ("250 ok", Stall())}
    data = b"A: b\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000
    task = await waiting(case, Script(extensions=extensions, does=does), data=data)
    await pass_time(175)
    assert not task.done()
    await pass_time(10)
    outcome = await task
    assert outcome.seen is Seen.DEFERRED
    assert "to be taken" in outcome.reply


async def test_ob_07_tarpit(case: Case) -> None:
    """OB-07: a byte every 20 s does not stretch the five minutes of the reply."""
    (server,) = await case.net.serve(Script(does={"MAIL": Drip(b"2", 20)}))
    task = asyncio.create_task(case.net.send(CLEAR))
    await server.heard("MAIL")
    for _ in range(14):
        await pass_time(20)
        assert not task.done()
    for _ in range(2):
        await pass_time(20)
    assert task.done()
    assert (await task).seen is Seen.DEFERRED


# --- names ---

NO_MAIL = {
    "null MX": (FakeDns({"b.example": [(0, "")]}), "556 5.1.10"),
    "CNAME loop": (FakeDns(loop={"b.example"}), "554 5.4.6"),
    "dangling MX": (FakeDns({"b.example": ["gone.b.example"]}), "550 5.4.4"),
    "IP literal": (FakeDns({"b.example": ["127.0.0.1"]}, {"127.0.0.1": ["127.0.0.1"]}), "550 5.4.4"),
    "our own name": (FakeDns({"b.example": ["gw.a.example"]}), "554 5.4.6"),
    "private address": (FakeDns({"b.example": ["mx.b.example"]}, {"mx.b.example": ["10.0.0.1"]}), "550 5.4.4"),
    "loopback address": (FakeDns({"b.example": ["mx.b.example"]}, {"mx.b.example": ["127.0.0.1"]}), "550 5.4.4"),
}


@pytest.mark.parametrize("name", NO_MAIL)
async def test_ob_08_where_no_mail_can_go(case: Case, name: str) -> None:
    """OB-08: given back with a status that says why, and nobody is connected to, not even who listens there."""
    (server,) = await case.net.serve(Script())
    case.net.dns, reply = NO_MAIL[name]
    case.net.delivery = {"private_networks": []}
    office = case.office()
    message = await office.send(*unprotected())
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.last_reply[:10].rstrip()) == (EntryState.BOUNCED, reply)
    assert server.connections == 0


async def test_ob_08_fifty_mx(case: Case) -> None:
    """OB-08: ten of them are tried, then it waits."""
    (server,) = await case.net.serve(Script(does={"BANNER": "421 4.3.2 busy"}))
    names = [f"mx{number}.b.example" for number in range(50)]
    case.net.dns = FakeDns({"b.example": names}, {name: ["127.0.0.1"] for name in names})
    office = case.office()
    message = await office.send(*unprotected())
    assert await states(office, message.id) == [EntryState.QUEUED]
    assert server.connections == 10


@pytest.mark.parametrize(
    ("dns", "state"),
    [
        (FakeDns(fail={"b.example"}), EntryState.QUEUED),
        (FakeDns({"b.example": ["mx1.b.example"]}, fail={"mx1.b.example"}), EntryState.QUEUED),
        (FakeDns(), EntryState.BOUNCED),
        (FakeDns({"b.example": []}, {"b.example": ["127.0.0.1"]}), EntryState.DELIVERED),
    ],
    ids=["SERVFAIL or timeout", "the same for the MX", "NXDOMAIN", "NODATA"],
)
async def test_ob_09_outage_defers_and_answer_decides(case: Case, dns: FakeDns, state: EntryState) -> None:
    """OB-09: never a bounce for an outage; NODATA for MX is an address."""
    await case.net.serve(Script())
    case.net.dns = dns
    office = case.office()
    message = await office.send(*unprotected())
    assert await states(office, message.id) == [state]


# --- time of days ---


@dataclass
class WallClock:
    """In the place of `datetime` in the clerk's file."""

    at: datetime

    def now(self, zone: object) -> datetime:
        return self.at


@pytest.mark.slow
@pytest.mark.parametrize("sender", [SENDER, ""])
async def test_ob_10_five_days_of_a_dead_host(case: Case, sender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OB-10: the pauses of the schedule, a delay notice at 30 minutes, a failure notice at 5 days; none to nobody."""
    await case.net.serve(Script(does={"BANNER": "421 4.3.2 busy"}))
    clock = WallClock(datetime.now(UTC))
    monkeypatch.setattr(clerk_module, "datetime", clock)
    office = case.office(ladder=SCHEDULE)
    entries = unprotected(sender=sender, notify=frozenset({Notify.FAILURE, Notify.DELAY}))
    message = await office.accept(*entries, sender=sender)
    (entry,) = await office.entries(message.id)
    pauses, notices = [], []
    while entry.state is EntryState.QUEUED:
        clock.at = max(entry.next_attempt_at, entry.queued_at)
        await office.work(message)
        notices += [(clock.at - entry.queued_at, told(dsn)[0][1]) for dsn in office.own(MessageKind.DSN)]
        office.taken.clear()
        (entry,) = await office.entries(message.id)
        pauses.append(entry.next_attempt_at - clock.at)
    assert entry.state is EntryState.EXPIRED
    assert clock.at == entry.expires_at
    pulled_forward = None if sender else HOUR  # to the delay notice
    want = [MINUTE, 5 * MINUTE, 15 * MINUTE, pulled_forward, *[2 * HOUR] * 50]
    assert all(abs(pause - due) <= due / 10 for pause, due in zip(pauses, want, strict=False) if due)
    assert notices == ([(30 * MINUTE, "delayed"), (5 * DAY, "failed")] if sender else [])


# --- what the sender hears ---


async def test_ob_11_the_notice_on_its_way(case: Case) -> None:
    """OB-11: null reverse path, signed, header only, subject masked, by `domain.inbound`, also in clear."""
    first, second = await case.net.serve(Script(does={"RCPT": "550 5.1.1 who?"}), Script())
    case.inbound = {"clinic.example": HostPort("127.0.0.2", second.port)}
    office = case.office(dkim=(DkimKey.load("clinic.example", "s1", generate_key("ed25519")),))
    await office.send(*make_entries(*MANY, protected=False, methods=(Method.TLS,)))
    (dsn,) = office.own(MessageKind.DSN)
    await office.work(dsn)
    (arrived,) = second.messages
    assert (arrived.mail_from, arrived.recipients) == ("", [SENDER])
    assert MARKER not in arrived.data
    assert b"Secret subject" not in arrived.data
    assert arrived.data.startswith(b"DKIM-Signature:")
    assert [address for address, _, _ in told(dsn)] == list(MANY)
    assert first.messages == []
    assert read(dsn)["Auto-Submitted"] == "auto-replied"


async def test_ob_12_a_portal_link_stays_a_portal_link(case: Case) -> None:
    """OB-12: decided once; the copy in the portal is not sent again because another way has opened meanwhile."""
    (server,) = await case.net.serve([Script(), Script()])
    office = case.office()
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    assert await states(office, message.id) == [EntryState.PORTAL]
    await office.work(message)
    await settle()
    assert await states(office, message.id) == [EntryState.PORTAL]
    assert "MAIL" not in server.verbs()
    (entry,) = await office.entries(message.id)
    assert replace(entry, rung=0).methods == (Method.TLS, Method.PORTAL)
