"""Every cell of the ladder's table that TLS decides: from what was published and seen to what becomes of a message."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.delivery.ladder import Alarm, LadderPolicy, Move, next_step
from gateway.delivery.outcome import Outcome, Seen
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from policy.decision import Method
from tests.tls.test_requirement import ENFORCED, FAILED, KEY, MAIL, PROTECTED, UNUSABLE, USABLE, hop
from tls.dane.verify import NO_DANE
from tls.failures import MISMATCHES, OF_CERTIFICATE, TlsFailure
from tls.requirement import HopTls, requirement
from tls.weight import Weight, weigh

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = LadderPolicy(tls_deadline=HOUR, urgent_tls_deadline=HOUR / 12, delay_notice=HOUR / 2, retry=(HOUR / 60,))
SEEN = {  # how delivery words a weight
    Weight.REFUSED: Seen.TLS_REFUSED,
    Weight.UNCERTAIN: Seen.TLS_UNCERTAIN,
    Weight.MISMATCH: Seen.TLS_MISMATCH,
}
ACCIDENTS = frozenset({TlsFailure.STARTTLS_DEFERRED, TlsFailure.INJECTED, TlsFailure.BROKEN_HANDSHAKE})
LOOKUPS = frozenset({TlsFailure.TLSA_UNKNOWN, TlsFailure.STS_UNKNOWN})
NO_TLS = frozenset({TlsFailure.NOT_OFFERED, TlsFailure.STARTTLS_REFUSED, TlsFailure.OLD_VERSION})
HOPS: dict[
    str, tuple[HopTls, frozenset[TlsFailure]]
] = {  # a next hop, and the failures at it that contradict what is published or pinned
    "nothing": (hop(), frozenset()),
    "route verified": (HopTls(route_level=requirement(PROTECTED, hop()).level), frozenset()),
    "TLSA unusable": (hop(UNUSABLE), NO_TLS),
    "DANE": (hop(USABLE), NO_TLS | OF_CERTIFICATE),
    "MTA-STS": (hop(NO_DANE, ENFORCED), NO_TLS | OF_CERTIFICATE),
    "pin": (HopTls(pin=KEY), NO_TLS | OF_CERTIFICATE),
}


def entry(*, protected: bool, methods: tuple[Method, ...]) -> QueueEntry:
    return QueueEntry(
        id="Q-1",
        queue_id="Q",
        kind=MessageKind.MAIL,
        sender="s@a.example",
        recipient="r@b.example",
        state=EntryState.QUEUED,
        protected=protected,
        methods=methods,
        queued_at=NOW,
        next_attempt_at=NOW,
        expires_at=NOW + 120 * HOUR,
    )


def test_every_failure_has_its_row() -> None:
    rows: list[frozenset[TlsFailure]] = [
        ACCIDENTS,
        LOOKUPS,
        NO_TLS,
        OF_CERTIFICATE,
        MISMATCHES,
        frozenset({TlsFailure.UNVOUCHED_MX}),
    ]
    assert sorted(failure.value for row in rows for failure in row) == sorted(failure.value for failure in TlsFailure)


def expected(failure: TlsFailure, contradicting: frozenset[TlsFailure]) -> Weight:
    if failure in MISMATCHES | contradicting:
        return Weight.MISMATCH
    return Weight.UNCERTAIN if failure in ACCIDENTS | LOOKUPS else Weight.REFUSED


@pytest.mark.parametrize("failure", list(TlsFailure))
@pytest.mark.parametrize("name", HOPS)
def test_weight(name: str, failure: TlsFailure) -> None:
    """The ladder: definitive, perhaps an accident, or against what is published; the same for every message."""
    next_hop, contradicting = HOPS[name]
    for needs in (MAIL, PROTECTED):
        assert weigh(failure, requirement(needs, next_hop)) is expected(failure, contradicting)


@pytest.mark.parametrize("failure", list(TlsFailure))
@pytest.mark.parametrize("name", HOPS)
def test_what_becomes_of_a_protected_message(name: str, failure: TlsFailure) -> None:
    """Climb now, or retry until the deadline and climb then; a mismatch raises an alarm. Never in clear."""
    next_hop, contradicting = HOPS[name]
    weight = weigh(failure, requirement(PROTECTED, next_hop))
    outcome = Outcome(recipient="r@b.example", seen=SEEN[weight], reply="x", why="y", started_at=NOW)
    waiting = entry(protected=True, methods=(Method.TLS, Method.PORTAL))
    step = next_step(waiting, outcome, POLICY, now=NOW, jitter=0.5)
    is_waiting = expected(failure, contradicting) is not Weight.REFUSED
    assert step.move is (Move.WAIT if is_waiting else Move.CLIMB)
    late = next_step(replace(waiting, rung_since=NOW), outcome, POLICY, now=NOW + HOUR, jitter=0.5)
    assert late.move is Move.CLIMB
    assert step.alarm is (Alarm.TLS_MISMATCH if expected(failure, contradicting) is Weight.MISMATCH else None)


@pytest.mark.parametrize("name", ["TLSA unusable", "DANE", "MTA-STS", "pin"])
@pytest.mark.parametrize("failure", [one for one in TlsFailure if one in NO_TLS | OF_CERTIFICATE])
def test_what_becomes_of_an_unprotected_message(name: str, failure: TlsFailure) -> None:
    """TL-21: DANE and MTA-STS bind it too: retry, then bounce; it never goes in clear."""
    next_hop, contradicting = HOPS[name]
    needed = requirement(MAIL, next_hop)
    if failure not in contradicting:
        assert not needed.proofs  # the certificate is not looked at: the failure cannot happen
        return
    outcome = Outcome(recipient="r@b.example", seen=SEEN[weigh(failure, needed)], reply="x", why="y", started_at=NOW)
    waiting = entry(protected=False, methods=(Method.TLS,))
    assert next_step(waiting, outcome, POLICY, now=NOW, jitter=0.5).move is Move.WAIT
    late = NOW + 120 * HOUR
    assert next_step(waiting, outcome, POLICY, now=late, jitter=0.5).move is Move.EXPIRE


def test_a_look_up_that_failed() -> None:
    """TL-23: waits, and raises no alarm."""
    needed = requirement(MAIL, hop(FAILED))
    assert needed.refusal is TlsFailure.TLSA_UNKNOWN
    assert weigh(needed.refusal, needed) is Weight.UNCERTAIN
