"""The ladder: what to do next for one recipient, from what the last attempt saw.

Pure: the clock and chance are arguments. The table below is the one in `architecture.md` ("The ladder"), a row for each
thing seen and a column for each kind of rung; a pair that it lacks is a bug and raises KeyError. No cell sends a
protected message in clear: the cells only finish, wait, climb to a rung below, or give the message back.

How this works: `next_step` counts the attempt, reads the table, and lets time decide where the cell says so. A climb
with no rung below gives the message back; a message that may have arrived already never changes its rung.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.retry import pause_after
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.envelope import Notify
from policy.decision import Method


class Move(Enum):
    """What a step does to the entry."""

    DONE = auto()
    WAIT = auto()
    CLIMB = auto()
    BOUNCE = auto()
    EXPIRE = auto()


class Alarm(Enum):
    """What an operator has to hear at once; the value is the word in log and audit."""

    TLS_MISMATCH = "tls-mismatch"
    TLS_DOWNGRADE = "tls-downgrade"


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPolicy:
    """`[delivery]`: tls_deadline, urgent_tls_deadline, delay_notice, retry (not empty)."""

    tls_deadline: timedelta
    urgent_tls_deadline: timedelta
    delay_notice: timedelta
    retry: tuple[timedelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The decision. entry: as it has to be saved, state, rung, next attempt and counters included.

    why: one sentence without content. is_delay_notice_due: the sender has to be told of the delay now.
    """

    move: Move
    entry: QueueEntry
    why: str
    alarm: Alarm | None = None
    is_delay_notice_due: bool = False


class Column(Enum):
    """Which column of the table an entry reads."""

    CLEAR = auto()  # an unprotected message, or mail of our own
    TLS = auto()  # a protected message over verified TLS
    CIPHERTEXT = auto()  # a protected message as OpenPGP or S/MIME
    NOTICE = auto()  # a protected message in the portal: publishing it and its content-free notice


class Cell(Enum):
    """What the table says."""

    FINISH = auto()
    WAIT = auto()  # until expires_at
    WAIT_THEN_CLIMB = auto()  # until the TLS deadline of the rung
    CLIMB = auto()
    CLIMB_OR_WAIT = auto()  # until expires_at, where no rung is below
    RETURN = auto()
    REPEAT = auto()  # wait, and never leave this rung again


COLUMN: Final = {
    Method.TLS: Column.TLS,
    Method.SMIME: Column.CIPHERTEXT,
    Method.OPENPGP: Column.CIPHERTEXT,
    Method.PORTAL: Column.NOTICE,
}

# Unprotected mail, ciphertext and our own mail meet the TLS rows where a route, REQUIRETLS, a code or a PIN binds them.
_EVERYWHERE: Final = {
    Seen.DELIVERED: Cell.FINISH,
    Seen.REJECTED: Cell.RETURN,
    Seen.DEFERRED: Cell.WAIT,  # never a climb: lower rungs use the same host
    Seen.LOST_AFTER_DOT: Cell.REPEAT,
    Seen.NOT_8BITMIME: Cell.CLIMB,  # it has no 7-bit form; ciphertext and notices are 7-bit themselves
}
_PROTECTED: Final = {
    **_EVERYWHERE,
    Seen.TLS_REFUSED: Cell.CLIMB,
    Seen.TLS_UNCERTAIN: Cell.WAIT_THEN_CLIMB,
    Seen.TLS_MISMATCH: Cell.WAIT_THEN_CLIMB,
    Seen.TLS_DOWNGRADED: Cell.WAIT_THEN_CLIMB,
    Seen.NOT_REQUIRETLS: Cell.CLIMB,
}
_BOUND: Final = {  # retry, then bounce
    **_EVERYWHERE,
    Seen.TLS_REFUSED: Cell.CLIMB,  # which gives it back, unless policy left it another rung
    Seen.TLS_UNCERTAIN: Cell.WAIT,
    Seen.TLS_MISMATCH: Cell.WAIT,
    Seen.TLS_DOWNGRADED: Cell.WAIT,
    Seen.NOT_REQUIRETLS: Cell.CLIMB,
}
TABLE: Final[Mapping[Column, Mapping[Seen, Cell]]] = {
    Column.CLEAR: _BOUND,
    Column.TLS: _PROTECTED,
    Column.CIPHERTEXT: {**_PROTECTED, Seen.NO_KEY: Cell.CLIMB, Seen.KEY_PENDING: Cell.CLIMB_OR_WAIT},
    Column.NOTICE: _BOUND,
}
NO_TLS: Final = frozenset({Seen.TLS_REFUSED, Seen.TLS_UNCERTAIN, Seen.TLS_MISMATCH, Seen.TLS_DOWNGRADED})
ALARMS: Final = {Seen.TLS_MISMATCH: Alarm.TLS_MISMATCH, Seen.TLS_DOWNGRADED: Alarm.TLS_DOWNGRADE}


def next_step(entry: QueueEntry, outcome: Outcome, policy: LadderPolicy, *, now: datetime, jitter: float) -> Step:
    """Decide what happens to an entry after an attempt.

    entry: as it was when the attempt began. outcome: what the attempt saw. jitter: chance, 0 to 1.
    Raises: KeyError when the rung cannot have seen this (a bug in the caller).
    """
    column = _column(entry)
    cell = TABLE[column][outcome.seen]
    tried = replace(
        entry,
        attempts=entry.attempts + 1,
        rung_since=entry.rung_since or outcome.started_at,
        last_reply=outcome.reply,
        possible_duplicate=entry.possible_duplicate or cell is Cell.REPEAT,
    )
    settled = _settle(cell, tried, policy, now)
    match settled:
        case Cell.FINISH:
            state = EntryState.PORTAL if column is Column.NOTICE else EntryState.DELIVERED
            step = Step(move=Move.DONE, entry=replace(tried, state=state), why=outcome.why)
        case Cell.RETURN:
            step = Step(move=Move.BOUNCE, entry=replace(tried, state=EntryState.BOUNCED), why=outcome.why)
        case Cell.CLIMB:
            step = Step(move=Move.CLIMB, entry=_climb(tried, outcome.seen, now), why=outcome.why)
        case _:
            climbs = settled is Cell.WAIT_THEN_CLIMB
            pause = pause_after(
                outcome,
                attempts=tried.attempts,
                last_reply=entry.last_reply,
                schedule=policy.retry,
                deadline=_tls_patience(tried, policy) if climbs else None,
                jitter=jitter,
            )
            deadlines = (_tls_deadline(tried, policy),) if climbs else ()
            step = _wait(tried, outcome.why, policy, now=now, moments=(now + pause, *deadlines))
    alarm = _alarm(outcome)
    return step if alarm is None else replace(step, alarm=alarm)


def _alarm(outcome: Outcome) -> Alarm | None:
    """A mismatch is heard of although the next host took the message: it may be the attack that just failed."""
    return ALARMS.get(outcome.seen) or (Alarm.TLS_MISMATCH if outcome.mismatches else None)


def _column(entry: QueueEntry) -> Column:
    """Below the rung tls an unprotected message (one that asked for REQUIRETLS) leaves as a protected one does."""
    return Column.CLEAR if entry.method is Method.TLS and not entry.protected else COLUMN[entry.method]


def _settle(cell: Cell, entry: QueueEntry, policy: LadderPolicy, now: datetime) -> Cell:
    """What a cell comes to, given the time, the rungs left and a possible duplicate."""
    if cell is Cell.WAIT_THEN_CLIMB:
        if not _has_rung_below(entry):
            return Cell.WAIT  # giving up early would help nobody; the delay notice tells the sender
        if now < _tls_deadline(entry, policy):
            return cell
        cell = Cell.CLIMB
    if cell is Cell.CLIMB_OR_WAIT:
        cell = Cell.CLIMB if _has_rung_below(entry) else Cell.WAIT
    if cell is Cell.CLIMB:
        if entry.possible_duplicate:
            return Cell.REPEAT
        if not _has_rung_below(entry):
            return Cell.RETURN
    return cell


def _has_rung_below(entry: QueueEntry) -> bool:
    return entry.rung + 1 < len(entry.methods)


def _tls_deadline(entry: QueueEntry, policy: LadderPolicy) -> datetime:
    """When the present rung is given up for want of TLS."""
    return (entry.rung_since or entry.queued_at) + _tls_patience(entry, policy)


def _tls_patience(entry: QueueEntry, policy: LadderPolicy) -> timedelta:
    return policy.urgent_tls_deadline if entry.urgent else policy.tls_deadline


def _climb(entry: QueueEntry, seen: Seen, now: datetime) -> QueueEntry:
    """The entry on the next rung, due at once. Where TLS failed, no code that opens the portal can be mailed either."""
    return replace(
        entry,
        rung=entry.rung + 1,
        rung_since=None,
        next_attempt_at=now,
        tls_refused=entry.tls_refused or seen in NO_TLS,
    )


def _wait(entry: QueueEntry, why: str, policy: LadderPolicy, *, now: datetime, moments: tuple[datetime, ...]) -> Step:
    """Try again on the same rung at the first of the moments, or give up when the message is too old.

    The next attempt is pulled forward to the delay notice and to the expiry: both come when they were promised.
    """
    if now >= entry.expires_at:
        return Step(move=Move.EXPIRE, entry=replace(entry, state=EntryState.EXPIRED), why=why)
    wants_notice = not entry.delay_notified and entry.sender != "" and Notify.DELAY in entry.notify
    notice_at = entry.queued_at + policy.delay_notice
    is_due = wants_notice and now >= notice_at
    ahead = (notice_at,) if wants_notice and not is_due else ()
    next_attempt_at = min(*moments, *ahead, entry.expires_at)
    waiting = replace(entry, next_attempt_at=next_attempt_at, delay_notified=entry.delay_notified or is_due)
    return Step(move=Move.WAIT, entry=waiting, why=why, is_delay_notice_due=is_due)
