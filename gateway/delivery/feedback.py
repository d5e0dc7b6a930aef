"""How much one destination may have at once, and when it is left alone: a table over what its deliveries saw.

Pure: time and chance are arguments. How this works: the window begins small, grows by one for each window of successes,
and is halved where the destination asks for less. After some failures in a row to reach it at all it rests; then one
message probes it while the others wait and burn no attempt. Each failed probe makes the next rest longer; one that gets
through opens the window again. Postfix's scheduler was the model, with one difference: it ends a dead destination by
time alone, for all of its messages at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from gateway.config.values import Rate
from gateway.delivery.outcome import Outcome, Seen

FIRST_WINDOW: Final = 5.0  # deliveries at once to a destination that nothing is known of
DEAD_AFTER: Final = 3  # failures in a row, at least
RESTS_S: Final = (30.0, 60.0, 120.0, 300.0, 600.0)  # the last repeats
SPREAD: Final = 0.1  # a rest varies by up to 10 % either way
TOO_MUCH: Final = "421"  # RFC 5321 section 4.3.2: the host closes for now, most often because of us


class Event(Enum):
    """What a delivery says about its destination."""

    REACHED = auto()  # it answered, whatever it thought of the message
    THROTTLED = auto()  # it answered and wants less, or stalls
    UNREACHED = auto()  # no host of it could be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the configuration allows. most: deliveries at once. rate: of starts, None: any."""

    most: int = 20
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Of one destination. window: deliveries at once, 1 or more. failures: in a row, to reach it.

    rests: in a row. rest_until: seconds of the caller's clock.
    """

    window: float = FIRST_WINDOW
    failures: int = 0
    rests: int = 0
    rest_until: float = 0.0

    def is_resting(self, now: float) -> bool:
        return now < self.rest_until


def after(condition: Condition, event: Event, *, most: int, now: float, jitter: float) -> Condition:
    """The condition after a delivery. most: of `Pace`. jitter: chance, 0 to 1."""
    return NEXT[event](condition, most, now, jitter)


def _grown(condition: Condition, most: int, now: float, jitter: float) -> Condition:  # noqa: ARG001  # one shape for all
    """From a rest straight to the first window, else one more for each window of successes."""
    window = FIRST_WINDOW if condition.rests else condition.window + 1 / condition.window
    return Condition(window=min(float(most), window))


def _halved(condition: Condition, most: int, now: float, jitter: float) -> Condition:  # noqa: ARG001  # as above
    return replace(condition, window=max(1.0, condition.window / 2))


def _failed(condition: Condition, most: int, now: float, jitter: float) -> Condition:  # noqa: ARG001  # as above
    """Those that were under way when the rest began say nothing new."""
    if condition.is_resting(now):
        return condition
    failed = replace(condition, window=max(1.0, condition.window / 2), failures=condition.failures + 1)
    if failed.failures < DEAD_AFTER and not condition.rests:
        return failed
    rest_s = RESTS_S[min(condition.rests, len(RESTS_S) - 1)] * (1 + SPREAD * (2 * jitter - 1))
    return replace(failed, window=1.0, rests=condition.rests + 1, rest_until=now + rest_s)


NEXT: Final[Mapping[Event, Callable[[Condition, int, float, float], Condition]]] = {
    Event.REACHED: _grown,
    Event.THROTTLED: _halved,
    Event.UNREACHED: _failed,
}


def event_of(outcomes: Sequence[Outcome]) -> Event:
    """What one attempt says about its destination.

    TLS that stalls is no reason to rest: its deadline has to be met by attempts.
    """
    if any(outcome.seen is Seen.TLS_UNCERTAIN for outcome in outcomes):
        return Event.THROTTLED
    if any(outcome.seen is not Seen.DEFERRED for outcome in outcomes):
        return Event.REACHED
    if not any(outcome.is_asked for outcome in outcomes):
        return Event.UNREACHED
    return Event.THROTTLED if any(outcome.reply.startswith(TOO_MUCH) for outcome in outcomes) else Event.REACHED
