"""Every cell of the ladder's table, what time does to it, and that no path lets a protected message out in clear."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery.ladder import TABLE, Alarm, Column, LadderPolicy, Move, Step, next_step
from gateway.delivery.needs import CONTENT_FREE, NeedsPolicy, needs_for
from gateway.delivery.outcome import HostResult, Outcome, Seen
from gateway.message.entry import ENDINGS, EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from policy.decision import Method
from tls.levels import TlsLevel

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POLICY = LadderPolicy(
    tls_deadline=HOUR,
    urgent_tls_deadline=5 * MINUTE,
    delay_notice=30 * MINUTE,
    retry=(MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR),
)
TLS, OPENPGP, PORTAL = Method.TLS, Method.OPENPGP, Method.PORTAL
ALL = (TLS, OPENPGP, PORTAL)
NEED_NO_KEY = {Seen.NO_KEY, Seen.KEY_PENDING}  # what the rungs tls and portal cannot see


def make(*methods: Method, protected: bool = True, **more: object) -> QueueEntry:
    return replace(
        QueueEntry(
            id="Q-1",
            queue_id="Q",
            kind=MessageKind.MAIL,
            sender="s@a.example",
            recipient="r@b.example",
            state=EntryState.QUEUED,
            protected=protected,
            methods=methods or ALL,
            queued_at=NOW,
            next_attempt_at=NOW,
            expires_at=NOW + 5 * DAY,
        ),
        **more,  # type: ignore[arg-type]  # field values of the tests
    )


def saw(seen: Seen, at: datetime = NOW) -> Outcome:
    return Outcome(recipient="r@b.example", seen=seen, reply=f"xyz {seen.value}", why="because", started_at=at)


def step(entry: QueueEntry, seen: Seen, at: datetime = NOW) -> Step:
    return next_step(entry, saw(seen, at), POLICY, now=at, jitter=0.5)


PROTECTED_TLS = {
    Seen.DELIVERED: Move.DONE,
    Seen.REJECTED: Move.BOUNCE,
    Seen.DEFERRED: Move.WAIT,
    Seen.LOST_AFTER_DOT: Move.WAIT,
    Seen.TLS_REFUSED: Move.CLIMB,
    Seen.TLS_UNCERTAIN: Move.WAIT,
    Seen.TLS_MISMATCH: Move.WAIT,
    Seen.TLS_DOWNGRADED: Move.WAIT,
    Seen.NOT_REQUIRETLS: Move.CLIMB,
    Seen.NOT_8BITMIME: Move.CLIMB,
}
NO_RUNG_BELOW = PROTECTED_TLS | dict.fromkeys((Seen.TLS_REFUSED, Seen.NOT_REQUIRETLS, Seen.NOT_8BITMIME), Move.BOUNCE)
CELLS = {
    "protected, tls": (make(), PROTECTED_TLS),
    "protected, tls or return": (make(TLS), NO_RUNG_BELOW),
    "protected, openpgp": (make(rung=1), {**PROTECTED_TLS, Seen.NO_KEY: Move.CLIMB, Seen.KEY_PENDING: Move.CLIMB}),
    "protected, openpgp or return": (
        make(OPENPGP),
        {**NO_RUNG_BELOW, Seen.NO_KEY: Move.BOUNCE, Seen.KEY_PENDING: Move.WAIT},
    ),
    "protected, portal": (make(rung=2), NO_RUNG_BELOW),
    "unprotected": (make(TLS, protected=False), NO_RUNG_BELOW),
    "unprotected, REQUIRETLS": (make(TLS, PORTAL, protected=False, requiretls=True), PROTECTED_TLS),
}


@pytest.mark.parametrize("seen", list(Seen))
@pytest.mark.parametrize("case", CELLS)
def test_every_cell_at_the_first_attempt(case: str, seen: Seen) -> None:
    """architecture.md, "The ladder"; a pair that the table lacks is a bug and raises."""
    entry, moves = CELLS[case]
    if seen not in moves:
        with pytest.raises(KeyError):
            step(entry, seen)
        return
    result = step(entry, seen)
    assert result.move is moves[seen]
    assert (result.entry.attempts, result.entry.last_reply, result.why) == (1, f"xyz {seen.value}", "because")


@pytest.mark.parametrize("column", list(Column))
def test_only_ciphertext_lacks_a_key(column: Column) -> None:
    """The rungs tls and portal need no key of the recipient."""
    lacking = set(Seen) - set(TABLE[column])
    assert lacking == (set() if column is Column.CIPHERTEXT else NEED_NO_KEY)


@pytest.mark.parametrize("seen", [Seen.TLS_UNCERTAIN, Seen.TLS_MISMATCH, Seen.TLS_DOWNGRADED])
@pytest.mark.parametrize(("urgent", "deadline"), [(False, HOUR), (True, 5 * MINUTE)])
def test_uncertain_tls_is_waited_for_until_the_deadline(seen: Seen, urgent: bool, deadline: timedelta) -> None:
    """The ladder: retry until `tls_deadline`, then climb; mail marked urgent has its own."""
    entry = step(make(urgent=urgent, notify=frozenset()), seen).entry
    late = deadline - timedelta(seconds=1)
    assert step(entry, seen, NOW + late).move is Move.WAIT
    assert step(entry, seen, NOW + late).entry.next_attempt_at == NOW + deadline
    climbed = step(entry, seen, NOW + deadline)
    assert (climbed.move, climbed.entry.method) == (Move.CLIMB, OPENPGP)


def test_deadline_of_zero_climbs_at_once() -> None:
    """`tls_deadline = "0s"`."""
    policy = replace(POLICY, tls_deadline=timedelta(0))
    assert next_step(make(), saw(Seen.TLS_UNCERTAIN), policy, now=NOW, jitter=0.5).move is Move.CLIMB


def test_deadline_counts_from_the_first_attempt_of_the_rung() -> None:
    """Not from the queueing: a held message that is released late still gets its hour."""
    later = NOW + 3 * DAY
    assert step(make(), Seen.TLS_UNCERTAIN, later).entry.rung_since == later
    climbed = step(make(rung_since=NOW), Seen.TLS_REFUSED, later).entry
    assert climbed.rung_since is None


def test_without_a_rung_below_uncertain_tls_waits_to_the_end() -> None:
    """`methods = ["tls"]`, unprotected mail that a route binds: retry, then back to the sender."""
    entry = make(TLS, rung_since=NOW)
    assert step(entry, Seen.TLS_UNCERTAIN, NOW + 4 * DAY).move is Move.WAIT
    assert step(entry, Seen.TLS_UNCERTAIN, NOW + 5 * DAY).move is Move.EXPIRE


@pytest.mark.parametrize("seen", [Seen.DEFERRED, Seen.LOST_AFTER_DOT])
@pytest.mark.parametrize("rung", range(3))
def test_unreachable_hosts_never_cause_a_climb(seen: Seen, rung: int) -> None:
    """The ladder: lower rungs use the same host; wait until `expire_after`, then back to the sender."""
    entry = make(rung=rung, rung_since=NOW)
    assert step(entry, seen, NOW + 4 * DAY).move is Move.WAIT
    expired = step(entry, seen, NOW + 5 * DAY)
    assert (expired.move, expired.entry.state) == (Move.EXPIRE, EntryState.EXPIRED)


@pytest.mark.parametrize("seen", [Seen.TLS_REFUSED, Seen.TLS_UNCERTAIN, Seen.NOT_REQUIRETLS])
def test_possible_duplicate_stays_on_its_rung(seen: Seen) -> None:
    """OB-03: the other rung would be a second message; it waits and expires."""
    entry = step(make(), Seen.LOST_AFTER_DOT).entry
    assert entry.possible_duplicate
    later = step(entry, seen, NOW + 2 * HOUR)
    assert (later.move, later.entry.rung) == (Move.WAIT, 0)
    assert step(entry, seen, NOW + 5 * DAY).move is Move.EXPIRE
    assert step(entry, Seen.DELIVERED).entry.possible_duplicate  # the audit still says so


def test_alarms() -> None:
    """TL-07, TL-21: mismatch and downgrade are heard of at once."""
    alarms = {seen: step(make(), seen).alarm for seen in set(Seen) - NEED_NO_KEY}
    assert {seen: alarm for seen, alarm in alarms.items() if alarm} == {
        Seen.TLS_MISMATCH: Alarm.TLS_MISMATCH,
        Seen.TLS_DOWNGRADED: Alarm.TLS_DOWNGRADE,
    }


@pytest.mark.parametrize("seen", [Seen.DELIVERED, Seen.REJECTED, Seen.LOST_AFTER_DOT, Seen.NOT_8BITMIME])
def test_a_mismatch_is_heard_of_whatever_the_next_host_said(seen: Seen) -> None:
    """TL-21: the last host decides what becomes of the message, and not whether an attack is told."""
    hosts = tuple(
        HostResult(host=f"mx{number}.b.example", ip="", port=25, seen=one, reply="x")
        for number, one in enumerate((Seen.TLS_MISMATCH, seen), 1)
    )
    quiet = Outcome(recipient="r@b.example", seen=seen, reply="x", why="y", started_at=NOW, hosts=hosts[1:])
    loud = replace(quiet, hosts=hosts)
    first, second = (next_step(make(), one, POLICY, now=NOW, jitter=0.5) for one in (quiet, loud))
    assert (first.alarm, second) == (None, replace(first, alarm=Alarm.TLS_MISMATCH))


@pytest.mark.parametrize(
    ("seen", "refused"), [(Seen.TLS_REFUSED, True), (Seen.NOT_REQUIRETLS, False), (Seen.TLS_UNCERTAIN, True)]
)
def test_a_climb_remembers_that_tls_cannot_be_had(seen: Seen, refused: bool) -> None:
    """The portal does not undo what TLS refused: then it asks for a PIN, since no code can be mailed."""
    entry = make(rung_since=NOW)
    assert step(entry, seen, NOW + HOUR).entry.tls_refused is refused
    assert step(make(rung=1, tls_refused=True), Seen.NO_KEY).entry.tls_refused


@pytest.mark.parametrize(("rung", "state"), [(0, "delivered"), (1, "delivered"), (2, "portal")])
def test_what_done_means_on_each_rung(rung: int, state: str) -> None:
    assert step(make(rung=rung), Seen.DELIVERED).entry.state is EntryState(state)


def test_retry_schedule_and_delay_notice_to_the_minute() -> None:
    """OB-10: 1, 5, 15 minutes, then the delay notice, hours after that; told once; back after five days."""
    entry, at, times, notices = make(TLS), NOW, [], 0
    while not entry.state.is_ending:
        result = step(entry, Seen.DEFERRED, at)
        times.append((at - NOW) // MINUTE)
        notices += result.is_delay_notice_due
        assert result.is_delay_notice_due is (at - NOW == 30 * MINUTE)
        entry, at = result.entry, result.entry.next_attempt_at
    assert times[:7] == [0, 1, 6, 21, 30, 150, 270]
    assert (times[-1], notices, entry.state) == (5 * 24 * 60, 1, EntryState.EXPIRED)


@pytest.mark.parametrize(
    "entry", [make(sender=""), make(notify=frozenset({Notify.FAILURE})), make(delay_notified=True)]
)
def test_who_gets_no_delay_notice(entry: QueueEntry) -> None:
    """OB-10, OB-11: the null sender, whoever does not want it, whoever had it."""
    result = step(entry, Seen.DEFERRED, NOW + HOUR)
    assert not result.is_delay_notice_due


def test_pauses_vary_a_little() -> None:
    """Mail deferred together does not return together."""
    entry = make(notify=frozenset())
    waits = [
        next_step(entry, saw(Seen.DEFERRED), POLICY, now=NOW, jitter=jitter).entry.next_attempt_at - NOW
        for jitter in (0.0, 0.5, 1.0)
    ]
    assert waits == [timedelta(seconds=seconds) for seconds in (54, 60, 66)]


OBSERVATIONS = st.lists(st.tuples(st.sampled_from(Seen), st.integers(0, 3 * 24 * 60)), max_size=30)
LADDERS = st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True)


@pytest.mark.slow
@settings(deadline=None)
@given(LADDERS, OBSERVATIONS, st.booleans(), st.booleans(), st.floats(0, 1))
def test_no_observation_lets_a_protected_message_out_in_clear(
    methods: Sequence[Method], observations: Sequence[tuple[Seen, int]], urgent: bool, requiretls: bool, jitter: float
) -> None:
    """Invariant 1: whatever is seen and however long it takes, the rung tls needs verified TLS, and the rungs that need
    less hand over only ciphertext or a content-free notice. Invariant 3: an ending is final and there is one."""
    entry, now = make(*methods, urgent=urgent, requiretls=requiretls), NOW
    for seen, minutes in observations:
        needs = needs_for(entry, NeedsPolicy(), has_pin=False, is_inbound=False)
        assert entry.method in methods
        if entry.method is TLS or (requiretls and entry.method is not PORTAL):
            assert needs.level is TlsLevel.VERIFIED
            assert not needs.is_content_free
        if entry.method is PORTAL:
            assert needs == CONTENT_FREE
        if seen in NEED_NO_KEY and entry.method is not OPENPGP:
            continue
        now += minutes * MINUTE
        result = next_step(entry, saw(seen, now), POLICY, now=now, jitter=jitter)
        assert result.entry.protected
        assert result.entry.methods == entry.methods
        assert result.entry.rung - entry.rung == (result.move is Move.CLIMB)
        assert (result.entry.state in ENDINGS) == (
            result.move in (Move.BOUNCE, Move.EXPIRE) or (result.move is Move.DONE and entry.method is not PORTAL)
        )
        if result.move in (Move.WAIT, Move.CLIMB):
            assert now <= result.entry.next_attempt_at <= entry.expires_at or result.move is Move.CLIMB
            entry = result.entry
        else:
            return
