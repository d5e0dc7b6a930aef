"""How much a destination may have at once: the table, the shaper over it, the gate of a host, turns of senders."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.config.sending import Delivery
from gateway.config.values import Rate
from gateway.delivery.feedback import DEAD_AFTER, FIRST_WINDOW, RESTS_S, Condition, Event, Pace, after, event_of
from gateway.delivery.gate import Gate
from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.shaper import KNOWN_LIMIT, QUICK_S, READY, Shaper
from gateway.delivery.shaping import build_shaping
from gateway.delivery.turns import Turns
from tests.faulty.server import Script, Stall
from tests.gateway.delivery.conftest import CLEAR, Net

REACHED, THROTTLED, UNREACHED = Event.REACHED, Event.THROTTLED, Event.UNREACHED


def condition(*events: Event, most: int = 20, now: float = 0.0) -> Condition:
    """After these, all at one moment, with rests of no spread."""
    found = Condition()
    for event in events:
        found = after(found, event, most=most, now=now, jitter=0.5)
    return found


@pytest.mark.parametrize(
    ("events", "window"),
    [
        ((), FIRST_WINDOW),
        ((REACHED,) * 6, 6.0),
        ((REACHED,) * 1000, 20.0),
        ((THROTTLED,), 2.5),
        ((THROTTLED,) * 9, 1.0),
        ((UNREACHED,), 2.5),
        ((UNREACHED, UNREACHED, REACHED), 1.25 + 1 / 1.25),
    ],
)
def test_window_grows_and_shrinks(events: tuple[Event, ...], window: float) -> None:
    """One more for each window of successes, half for each complaint, never below one, never above the most."""
    assert condition(*events).window == pytest.approx(window, abs=0.2)


def test_window_never_passes_the_most() -> None:
    assert condition(REACHED, most=2).window == 2.0


def test_rests_grow_and_end() -> None:
    """The others wait, one probes; each failed probe makes the next rest longer, one that gets through ends it."""
    now, found = 0.0, condition(*[UNREACHED] * (DEAD_AFTER - 1))
    assert not found.is_resting(now)
    for rest_s in (*RESTS_S, RESTS_S[-1]):
        found = after(found, UNREACHED, most=20, now=now, jitter=0.5)
        assert (found.window, found.rest_until) == (1.0, now + rest_s)
        late = after(found, UNREACHED, most=20, now=now + 1, jitter=0.5)
        assert late == found, "what was under way when the rest began says nothing new"
        now = found.rest_until
        assert not found.is_resting(now)
    assert after(found, REACHED, most=20, now=now, jitter=0.5) == Condition()


def test_a_success_in_between_forgets_failures() -> None:
    assert not condition(UNREACHED, UNREACHED, REACHED, UNREACHED, UNREACHED).is_resting(0)


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_rests_vary_a_little(jitter: float) -> None:
    found = condition(UNREACHED, UNREACHED)
    found = after(found, UNREACHED, most=20, now=0, jitter=jitter)
    assert found.rest_until == pytest.approx(RESTS_S[0] * (0.9 if jitter == 0 else 1.1))


def outcome(seen: Seen, reply: str = "450 4.2.0 later", *, is_asked: bool = True) -> Outcome:
    now = datetime.now(UTC)
    return Outcome(recipient="r@b.example", seen=seen, reply=reply, why="", started_at=now, is_asked=is_asked)


@pytest.mark.parametrize(
    ("seen", "reply", "is_asked", "event"),
    [
        (Seen.DELIVERED, "250 ok", True, REACHED),
        (Seen.REJECTED, "550 no", True, REACHED),
        (Seen.REJECTED, "550 5.1.2 b.example does not exist", False, REACHED),
        (Seen.TLS_REFUSED, "550 5.7.4 no TLS", False, REACHED),
        (Seen.LOST_AFTER_DOT, "451 4.4.2 lost", True, REACHED),
        (Seen.DEFERRED, "450 4.2.0 greylisted", True, REACHED),
        (Seen.DEFERRED, "421 4.7.0 too many connections", True, THROTTLED),
        (Seen.TLS_UNCERTAIN, "451 4.7.5 stalled", False, THROTTLED),
        (Seen.DEFERRED, "451 4.4.1 mx takes no connection", False, UNREACHED),
        (Seen.DEFERRED, "451 4.4.3 no answer from DNS", False, UNREACHED),
        (Seen.DEFERRED, "451 4.7.8 next hop did not let us sign in (535 5.7.8)", False, UNREACHED),
    ],
)
def test_what_a_delivery_says_of_its_destination(seen: Seen, reply: str, is_asked: bool, event: Event) -> None:
    """A full mailbox is no reason to leave a domain alone; TLS that stalls is none, since its deadline runs."""
    assert event_of([outcome(seen, reply, is_asked=is_asked)]) is event


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shaper(clock: Clock, pace: Pace | None = None) -> Shaper:
    return Shaper(lambda _: pace or Pace(), clock=clock, chance=lambda: 0.5)


def test_a_dead_destination_is_probed_by_one(clock: Clock) -> None:
    found = shaper(clock)
    for _ in range(DEAD_AFTER):
        found.note("dead.example", UNREACHED)
    assert found.resting() == {"dead.example"}
    assert not found.has_room("dead.example", 0)
    assert found.has_room("b.example", 4)
    clock.now += RESTS_S[0]
    assert found.resting() == frozenset()
    assert [found.has_room("dead.example", under_way) for under_way in (0, 1)] == [True, False]
    found.note("dead.example", REACHED)
    assert found.has_room("dead.example", 4)


def test_more_are_made_ready_for_a_destination_that_is_well(clock: Clock) -> None:
    """They talk to it no more at once than before; a destination that nothing is known of has no more under way."""
    found = shaper(clock, Pace(most=12))
    assert [found.has_room("b.example", under_way) for under_way in (4, 5)] == [True, False]
    for _ in range(200):
        found.note("b.example", REACHED)
    assert [found.has_room("b.example", under_way) for under_way in (12 * READY - 1, 12 * READY)] == [True, False]
    assert [found.fits("b.example", inside) for inside in (11, 12)] == [True, False]
    for _ in range(DEAD_AFTER):
        found.note("b.example", UNREACHED)
    assert not found.fits("b.example", 0)
    clock.now += RESTS_S[0]
    assert [found.has_room("b.example", under_way) for under_way in (0, 1)] == [True, False], "one probe"


def test_the_rate_counts_starts_only(clock: Clock) -> None:
    """Who has started need not wait for the turn of the next."""
    found = shaper(clock, Pace(rate=Rate(1, timedelta(seconds=60))))
    found.started("b.example")
    assert not found.has_room("b.example", 0)
    assert found.fits("b.example", 0)


def test_an_operator_ends_all_rests(clock: Clock) -> None:
    found = shaper(clock)
    for _ in range(DEAD_AFTER):
        found.note("dead.example", UNREACHED)
    found.end_rests()
    assert [found.has_room("dead.example", under_way) for under_way in (0, 1)] == [True, False]
    found.note("dead.example", UNREACHED)
    assert found.is_resting("dead.example"), "one probe is enough to know"


def test_rate_is_kept(clock: Clock) -> None:
    """`[[delivery.route]] rate`: evenly, and what was not used is not saved up."""
    found = shaper(clock, Pace(rate=Rate(4, timedelta(seconds=2))))
    starts = 0
    for _ in range(40):  # two seconds of 50 ms
        if found.has_room("b.example", 0):
            found.started("b.example")
            starts += 1
        clock.now += 0.05
    assert starts == 4
    clock.now += 100
    found.started("b.example")
    assert not found.has_room("b.example", 0)


def test_memory_is_bounded(clock: Clock) -> None:
    """Who rests is remembered, the others are met anew."""
    found = shaper(clock)
    for _ in range(DEAD_AFTER):
        found.note("dead.example", UNREACHED)
    for number in range(KNOWN_LIMIT + 5):
        found.note(f"d{number}.example", REACHED)
    assert len(found._known) <= KNOWN_LIMIT
    assert found.is_resting("dead.example")


def test_routes_have_a_pace_of_their_own() -> None:
    """`[[delivery.route]] concurrency` and `rate`."""
    route = {"domain": "*.partner.example", "concurrency": 2, "rate": "1/h"}
    domains = build_shaping(Delivery.model_validate({"route": [route]})).domains
    assert [domains.has_room("b.example", under_way) for under_way in (4, 5)] == [True, False]
    assert [domains.has_room("x.partner.example", under_way) for under_way in (1, 2)] == [True, False]
    domains.started("x.partner.example")
    assert not domains.has_room("x.partner.example", 0)


def test_senders_take_turns() -> None:
    """RX-10: a tenant that floods a destination delays nobody but itself."""
    turns: Turns[str] = Turns()
    for number in range(3):
        turns.put("flood.example", f"flood{number}")
    turns.put("b.example", "b")
    turns.put("c.example", "c")
    turns.put("c.example", "urgent", is_urgent=True)
    assert list(turns) == ["urgent", "flood0", "flood1", "flood2", "b", "c"]
    turns.change(lambda item: None if item == "flood1" else item)
    assert [turns.take() for _ in range(len(turns))] == ["urgent", "flood0", "b", "c", "flood2"]
    with pytest.raises(LookupError):
        turns.take()


async def test_gate_lets_in_as_many_as_there_is_room(clock: Clock) -> None:
    hosts = shaper(clock)
    gate, inside, most = Gate(hosts), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with gate.passage("mx.example:25") as is_open:
            assert is_open
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        visits = [group.create_task(visit()) for _ in range(50)]
        await asyncio.sleep(0)
        visits[20].cancel()
    assert most == FIRST_WINDOW


def test_few_are_made_ready_for_a_slow_destination_or_behind_a_rate(clock: Clock) -> None:
    """OB-12: who waits at the door is not asked about again; a rate, paid at the start, would not hold there."""
    slow, paced = shaper(clock, Pace(most=12)), shaper(clock, Pace(most=12, rate=Rate(100, timedelta(seconds=1))))
    for _ in range(200):
        slow.note("b.example", REACHED, took_s=QUICK_S)
        paced.note("b.example", REACHED)
    for found in (slow, paced):
        assert [found.has_room("b.example", under_way) for under_way in (23, 24)] == [True, False]
    slow.note("b.example", REACHED, took_s=0.1)
    assert slow.has_room("b.example", 12 * READY - 1)


async def test_a_closed_gate_turns_back_who_may(clock: Clock) -> None:
    """Hundreds that are ready do not hold up a stop; who was at a host already comes to his end."""
    gate, gone, seen = Gate(shaper(clock)), asyncio.Event(), list[str]()

    async def visit(name: str, *, may_turn_back: bool) -> None:
        async with gate.passage("b.example", may_turn_back=may_turn_back) as is_open:
            assert is_open
            seen.append(name)
            await gone.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(int(FIRST_WINDOW)):
            group.create_task(visit("inside", may_turn_back=True))
        ready = [group.create_task(visit("ready", may_turn_back=True)) for _ in range(100)]
        stays = group.create_task(visit("stays", may_turn_back=False))
        await asyncio.sleep(0)
        gate.close()
        late = group.create_task(visit("late", may_turn_back=True))
        await asyncio.wait([*ready, late])
        assert not stays.done()
        gone.set()
    assert all(one.cancelled() for one in (*ready, late))
    assert seen == ["inside"] * int(FIRST_WINDOW) + ["stays"]


async def test_a_host_that_rests_lets_all_go_who_wait(clock: Clock) -> None:
    """Also when it does so between the waking of the first of them and his look."""
    hosts = shaper(clock)
    gate, answers = Gate(hosts), list[bool]()

    async def visit() -> None:
        async with gate.passage("mx.example:25") as is_open:
            answers.append(is_open)
            await asyncio.sleep(0)
        if is_open:
            for _ in range(DEAD_AFTER):
                hosts.note("mx.example:25", UNREACHED)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(visit())
    assert answers == [True] * int(FIRST_WINDOW) + [False] * int(50 - FIRST_WINDOW)


# --- over sockets ---


async def test_one_dead_host_of_many_domains_is_asked_once(net: Net) -> None:
    """RX-10: a host with a thousand domains does not cost each of them its time limits."""
    (server,) = await net.serve(Script(does={"BANNER": "421 4.3.2 busy"}))
    net.shaping = build_shaping(Delivery())
    names = [f"d{number}.example" for number in range(20)]
    net.dns.mx_records = {name: ["mx1.b.example"] for name in names}
    seen = [(await net.send(CLEAR, f"r@{name}", domain=name)).seen for name in names]
    assert seen == [Seen.DEFERRED] * 20
    assert server.connections == DEAD_AFTER


async def test_a_resting_domain_is_not_even_looked_up(net: Net) -> None:
    """What comes to the transport all the same has an outcome at once, and the ladder goes on."""
    (server,) = await net.serve(Script(does={"BANNER": "421 4.3.2 busy"}))
    net.shaping = build_shaping(Delivery())
    outcomes = [await net.send(CLEAR) for _ in range(DEAD_AFTER + 3)]
    assert {one.seen for one in outcomes} == {Seen.DEFERRED}
    assert [one.host for one in outcomes] == ["mx1.b.example"] * DEAD_AFTER + [""] * 3
    assert "could not be reached lately" in outcomes[-1].reply
    assert server.connections == DEAD_AFTER


async def test_a_domain_gets_no_more_at_once_than_its_window(net: Net) -> None:
    """However many are ready: the first is alone with it where its route says so."""
    (server,) = await net.serve([Script(does={"BANNER": Stall()}), Script()])
    net.shaping = build_shaping(Delivery.model_validate({"route": [{"domain": "b.example", "concurrency": 1}]}))
    first = asyncio.create_task(net.send(CLEAR))
    await server.stalled.wait()
    second = asyncio.create_task(net.send(CLEAR))
    for _ in range(20):
        await asyncio.sleep(0)
    assert server.connections == 1
    first.cancel()
    assert (await second).seen is Seen.DELIVERED


async def test_a_cancelled_visitor_leaves_room(net: Net) -> None:
    (server,) = await net.serve([Script(does={"BANNER": Stall()}), Script()])
    net.shaping = build_shaping(Delivery())
    task = asyncio.create_task(net.send(CLEAR))
    await server.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert not net.shaping.gate._inside
    assert not net.shaping.entrance._inside
