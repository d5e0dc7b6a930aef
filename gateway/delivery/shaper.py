"""The condition of every destination, in memory: who has room, who rests, whose turn the rate allows.

Nothing of it is stored. After a restart a dead destination is found out again by its first window of messages: the
others are due at the same time and wait for those few.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.delivery.feedback import Condition, Event, Pace, after
from gateway.log import get_logger

WELL_KNOWN: Final = 10  # a window that only a destination has which took many; a dead one's first is smaller
QUICK_S: Final = 1.0  # at the door: nobody who is ready waits long there, for his turn or for a register to be asked
READY: Final = 8  # times a window: a message is read, signed and recorded in far more time than it takes at the door
KNOWN_LIMIT: Final = 20_000  # destinations; beyond it those with nothing to remember are forgotten

log = get_logger("delivery")


@dataclass(slots=True)
class _Known:
    pace: Pace
    condition: Condition = field(default_factory=Condition)
    free_at: float = 0.0  # when the rate allows the next start
    is_quick: bool = False  # the last delivery was

    @property
    def window(self) -> int:
        return min(self.pace.most, int(self.condition.window))

    @property
    def ready(self) -> int:
        """Those under way, at the door and before it. A rate counts starts, so few may wait at the door behind it."""
        if self.window < WELL_KNOWN:
            return self.window
        return self.window * (READY if self.is_quick and self.pace.rate is None else 2)


class Shaper:
    """Names are domains, or `host:port`."""

    def __init__(
        self, pace_of: Callable[[str], Pace], *, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        """clock: seconds, never backwards. chance: 0 to 1."""
        self._pace_of = pace_of
        self._clock = clock
        self._chance = chance
        self._known: dict[str, _Known] = {}
        self._resting: set[str] = set()

    def has_room(self, name: str, under_way: int) -> bool:
        """Whether one more may start now: be read and signed, then go to the door.

        Of a destination that is known to be well more are made ready than it has at once, so that it need not wait: far
        more where it is quick, else as many, since whoever is ready is out of reach for registers and operators.
        """
        known, now = self._of(name), self._clock()
        if known.condition.is_resting(now) or now < known.free_at:
            return False
        return under_way < known.ready

    def fits(self, name: str, inside: int) -> bool:
        """Whether one more may talk to it now."""
        known = self._of(name)
        return not known.condition.is_resting(self._clock()) and inside < known.window

    def started(self, name: str) -> None:
        """One more has."""
        known = self._of(name)
        if known.pace.rate is not None:
            known.free_at = max(self._clock(), known.free_at) + known.pace.rate.pause.total_seconds()

    def is_resting(self, name: str) -> bool:
        return name in self._resting and self._of(name).condition.is_resting(self._clock())

    def note(self, name: str, event: Event, *, took_s: float = 0.0) -> None:
        """A delivery has come to its end. took_s: from the door on."""
        known, now = self._of(name), self._clock()
        known.is_quick = took_s < QUICK_S
        was = known.condition
        known.condition = after(was, event, most=known.pace.most, now=now, jitter=self._chance())
        if known.condition.is_resting(now) and not was.is_resting(now):
            self._resting.add(name)
            for_s = round(known.condition.rest_until - now)
            log.warning("destination rests", destination=name, for_s=for_s, times=known.condition.rests)
        elif was.rests and not known.condition.rests:
            self._resting.discard(name)
            log.info("destination is back", destination=name)

    def resting(self) -> frozenset[str]:
        """Who is left alone now."""
        return frozenset(name for name in self._resting if self.is_resting(name))

    def end_rests(self) -> None:
        """An operator wants to see now: each is probed by its next message."""
        for name in self._resting:
            known = self._of(name)
            known.condition = Condition(window=1.0, rests=known.condition.rests)

    def _of(self, name: str) -> _Known:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= KNOWN_LIMIT:
                self._forget()
            pace = self._pace_of(name)
            known = self._known[name] = _Known(pace)
        return known

    def _forget(self) -> None:
        now = self._clock()
        for name, known in list(self._known.items()):
            if not known.condition.rests and known.free_at <= now:
                del self._known[name]
