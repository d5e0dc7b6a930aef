"""Whether a login sends more than it should: bounds what one stolen password, or one program gone wild, can do. Pure.

How this works: a window holds what one login sent within the last hour, message by message. Who passes a limit is not
counted any further, so a window never holds more than its limits and one message.
"""

from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOUR_S: Final = 3600.0


class Reason(StrEnum):
    """Which limit was passed."""

    MESSAGES = "messages"
    RECIPIENTS = "recipients"
    PHI = "phi"
    NOVELTY = "novelty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may leave within an hour.

    recipients: different ones. phi: protected messages. novelty_percent: of the recipients, how many may be such that
    this login never wrote to before, once there are more than novelty_floor of them; 0: nobody asks.
    """

    messages: int
    recipients: int
    phi: int
    novelty_percent: int = 0
    novelty_floor: int = 0


class Window:
    """The last hour of one login. Times are seconds since 1970, so that it can be rebuilt from what is stored."""

    def __init__(self) -> None:
        self._messages: deque[float] = deque()
        self._protected: deque[float] = deque()
        self._recipients: OrderedDict[str, float] = OrderedDict()  # and when last, the longest ago first
        self._known: dict[str, bool] = {}  # of them, those that were looked up: written to before?

    @property
    def is_empty(self) -> bool:
        return not self._recipients

    def count(self, recipients: Sequence[str], *, is_protected: bool, at: float) -> None:
        """One message; at: hardly ever before the last one, and then it is forgotten later by as much."""
        self.forget_before(at - HOUR_S)
        self._messages.append(at)
        if is_protected:
            self._protected.append(at)
        for recipient in recipients:
            self._recipients[recipient.lower()] = at
            self._recipients.move_to_end(recipient.lower())

    def uncount(self, *, is_protected: bool, at: float) -> None:
        """It was not accepted after all. Its recipients stay: whoever tries again tries the same."""
        for times in (self._messages, self._protected) if is_protected else (self._messages,):
            if at in times:
                times.remove(at)

    def forget_before(self, start: float) -> None:
        """Drop what is older than the hour."""
        for times in (self._messages, self._protected):
            while times and times[0] <= start:
                times.popleft()
        while self._recipients and next(iter(self._recipients.values())) <= start:
            recipient, _ = self._recipients.popitem(last=False)
            self._known.pop(recipient, None)

    def to_look_up(self, limits: Limits) -> tuple[str, ...]:
        """The recipients of whom it matters whether this login wrote to them before, and is not known yet."""
        if not limits.novelty_percent or len(self._recipients) <= limits.novelty_floor:
            return ()
        return tuple(recipient for recipient in self._recipients if recipient not in self._known)

    def looked_up(self, asked: Collection[str], known: Collection[str]) -> None:
        """The answer: those of them that it wrote to before this hour, in lower case."""
        for recipient in asked:
            if recipient in self._recipients:
                self._known[recipient] = recipient in known

    def passed(self, limits: Limits) -> Reason | None:
        """The first limit that is passed."""
        strangers = sum(not is_known for is_known in self._known.values())
        everybody = len(self._recipients)
        is_novel = (
            limits.novelty_percent > 0
            and everybody > limits.novelty_floor
            and 100 * strangers > limits.novelty_percent * everybody
        )
        checks = {
            Reason.MESSAGES: len(self._messages) > limits.messages,
            Reason.RECIPIENTS: everybody > limits.recipients,
            Reason.PHI: len(self._protected) > limits.phi,
            Reason.NOVELTY: is_novel,
        }
        return next((reason for reason, is_passed in checks.items() if is_passed), None)
