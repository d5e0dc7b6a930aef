"""When to try again: the pauses of `delivery.retry`, the last of which repeats, by what went wrong, with some chance.

How this works: each trouble walks the same schedule, at a pace of its own (`PACES`). A server that was out of reach and
now answers "later" is most likely greylisting: its count begins anew, and chance only adds, since it opens after
minutes that we do not know. TLS that may come back is tried often enough before its deadline to notice that it did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from gateway.delivery.outcome import Outcome, Seen
from gateway.message import dsn

SPREAD: Final = 0.1  # a pause varies by up to 10 % either way, so that mail deferred together does not return together
TRIES: Final = 4  # of TLS before its deadline, at least


class Trouble(Enum):
    """Why an attempt failed for now."""

    REACH = auto()  # DNS, connection: nobody answers
    ANSWER = auto()  # a server says "later"; greylisting is one of these
    FULL = auto()  # a full mailbox or disk over there, which takes somebody to empty it
    TLS = auto()  # no TLS that counts, and it may be an accident
    OURS = auto()  # we could not sign, encrypt or convert: nobody over there has seen the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a trouble walks the schedule. skip: pauses left out at its beginning; last: index of the one that repeats."""

    skip: int = 0
    last: int | None = None


PACES: Final[Mapping[Trouble, Pace]] = {
    Trouble.REACH: Pace(),
    Trouble.ANSWER: Pace(),
    Trouble.FULL: Pace(skip=2),
    Trouble.TLS: Pace(),
    Trouble.OURS: Pace(last=2),  # it leaves soon after it was mended
}
FULL: Final = frozenset({"4.2.2", "4.3.1"})  # RFC 3463 sections 3.3 and 3.4
OURS: Final = frozenset({"4.3.0", "4.7.0"})  # of replies that we make when no host was asked
UNCERTAIN: Final = frozenset({Seen.TLS_UNCERTAIN, Seen.TLS_MISMATCH, Seen.TLS_DOWNGRADED})


def trouble_of(outcome: Outcome) -> Trouble:
    """Which class an outcome that waits belongs to; what is not known is an answer."""
    status = dsn.status_of(outcome.reply, default="")
    if outcome.seen in UNCERTAIN:
        return Trouble.TLS
    if _is_unreached(outcome.reply):
        return Trouble.REACH
    if status in FULL:
        return Trouble.FULL
    return Trouble.OURS if status in OURS and not outcome.host else Trouble.ANSWER


def pause_after(
    outcome: Outcome,
    *,
    attempts: int,
    last_reply: str,
    schedule: Sequence[timedelta],
    deadline: timedelta | None,
    jitter: float,
) -> timedelta:
    """How long to wait after a failed attempt.

    attempts: tries made so far, 1 or more; last_reply: of the one before, empty for the first. schedule: not empty.
    deadline: for how long TLS is waited for on this rung; None where it is not.
    jitter: chance, 0 to 1; 0.5 gives the pause itself, but after a first answer.
    """
    trouble = trouble_of(outcome)
    pace, end = PACES[trouble], len(schedule) - 1
    is_first_answer = trouble is Trouble.ANSWER and _is_unreached(last_reply)
    step = 1 if is_first_answer else attempts - 1 + pace.skip
    pause = schedule[min(step, end if pace.last is None else min(pace.last, end))]
    if trouble is Trouble.TLS and deadline is not None:
        pause = min(pause, deadline / TRIES)
    return pause * (1 + SPREAD * (jitter if is_first_answer else 2 * jitter - 1))


def _is_unreached(reply: str) -> bool:
    """RFC 3463 section 3.5: network and routing."""
    return dsn.status_of(reply, default="").startswith("4.4.")
