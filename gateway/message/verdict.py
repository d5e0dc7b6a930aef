"""Expected outcomes of intake as values, and the one table that turns them into SMTP replies."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Verdict(Enum):
    """Why a message is not accepted. A failure that is not listed here is a bug and answers 451."""

    STORE_FULL = auto()
    STORE_SICK = auto()
    QUEUE_FULL = auto()
    NO_INSPECTOR = auto()
    SHUTTING_DOWN = auto()
    BAD_HEADER = auto()
    BAD_FROM = auto()
    FROM_NOT_YOURS = auto()
    TOO_MANY_HOPS = auto()
    TOO_BIG = auto()
    REJECTED_BY_POLICY = auto()
    INFECTED = auto()
    UNSCANNABLE = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply.

    code: RFC 5321 section 4.2; detail: RFC 3463 subject.detail, such as "7.1"; text: for the peer, without rule names,
    host names or content.
    """

    code: int
    detail: str
    text: str

    @property
    def enhanced(self) -> str:
        return f"{self.code // 100}.{self.detail}"

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


REPLIES: Final = {
    Verdict.STORE_FULL: Reply(452, "3.1", "Insufficient system storage, try later"),
    Verdict.STORE_SICK: Reply(451, "3.0", "Message store unavailable, try later"),
    Verdict.QUEUE_FULL: Reply(452, "3.1", "Too much mail waits for delivery, try later"),  # RFC 3463 section 3.4
    Verdict.NO_INSPECTOR: Reply(451, "7.0", "Content check unavailable, try later"),
    Verdict.SHUTTING_DOWN: Reply(421, "3.2", "Service shutting down, try later"),
    Verdict.BAD_HEADER: Reply(550, "6.0", "Message header is not valid (RFC 5322)"),
    Verdict.BAD_FROM: Reply(550, "6.0", "Message must have exactly one From field with exactly one plain address"),
    Verdict.FROM_NOT_YOURS: Reply(553, "7.1", "You may not send as this address"),
    Verdict.TOO_MANY_HOPS: Reply(554, "4.6", "Too many hops, mail loop suspected"),
    Verdict.TOO_BIG: Reply(552, "3.4", "Message exceeds the size limit"),
    Verdict.REJECTED_BY_POLICY: Reply(550, "7.1", "Message refused by policy"),
    Verdict.INFECTED: Reply(554, "7.0", "Message refused: it holds malicious content"),
    Verdict.UNSCANNABLE: Reply(554, "6.0", "Message refused: its parts cannot be checked for malicious content"),
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message, its envelope and its audit events are on stable storage."""

    queue_id: str
