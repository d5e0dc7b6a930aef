"""What the parts of a client session share: the phases, the steps that the shell acts on, and the queue of commands.

Replies answer commands in order (RFC 5321 section 4.1.1), so the dialogue keeps the handlers of what it waits for.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.delivery.outcome import Seen
from gateway.delivery.replies import PeerReply
from tls.failures import TlsFailure

CRLF: Final = b"\r\n"


class Phase(Enum):
    """What a session waits for; each has its time limit in `timeouts.py`. The value completes "while waiting for"."""

    BANNER = "the greeting"
    EHLO = "the reply to EHLO"
    STARTTLS = "the reply to STARTTLS"
    HANDSHAKE = "the TLS handshake"
    AUTH = "the reply to AUTH"
    READY = "the next message"
    RSET = "the reply to RSET"
    MAIL = "the reply to MAIL"
    RCPT = "the reply to RCPT"
    DATA = "the reply to DATA"
    CONTENT = "the message to be taken"
    DOT = "the reply to the message"
    CLOSED = "nothing"


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes. is_end: they hold the final dot; from here on the peer may have the message."""

    data: bytes | memoryview = field(repr=False)
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class UpgradeTls:
    """Begin the TLS handshake, then call `tls_started` or `tls_failed`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The greeting is over: `begin` may be called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one recipient got. is_again: not refused, only one too many or cut off; may be asked again at once."""

    seen: Seen
    reply: str
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The transaction is over: one answer for each recipient, in their order. is_alive: another may follow."""

    answers: tuple[Answer, ...]
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """No transaction can be had over this connection: close it."""

    seen: Seen
    reply: str
    tls_failure: TlsFailure | None = None


Step = Send | UpgradeTls | Ready | Answered | Closed
Handler = Callable[[PeerReply], None]


class Dialogue:
    """Commands out, replies in, steps for the shell. phase: what is waited for now."""

    def __init__(self) -> None:
        self.phase = Phase.BANNER
        self._steps: deque[Step] = deque()
        self._expected: deque[tuple[Phase, Handler]] = deque()

    @property
    def is_expecting(self) -> bool:
        return bool(self._expected)

    def next_step(self) -> Step | None:
        """Take the next step; taking the final dot makes the phase DOT."""
        if not self._steps:
            return None
        step = self._steps.popleft()
        if isinstance(step, Send) and step.is_end:
            self.phase = Phase.DOT
        return step

    def act(self, step: Step) -> None:
        self._steps.append(step)

    def expect(self, phase: Phase, handler: Handler) -> None:
        """Wait for a reply; in the order of the commands."""
        self._expected.append((phase, handler))
        self.phase = self._expected[0][0]

    def ask(self, text: str, phase: Phase, handler: Handler) -> None:
        """Send one command and wait for its reply."""
        self.act(Send(text.encode("ascii") + CRLF))
        self.expect(phase, handler)

    def answer(self, reply: PeerReply) -> None:
        """Give a reply to whoever asked first."""
        _, handler = self._expected.popleft()
        handler(reply)
        if self._expected and self.phase is not Phase.CLOSED:
            self.phase = self._expected[0][0]

    def close(self, *last: Step) -> None:
        """Nothing more is sent or waited for, also not what was to be sent; an answer that was given stands."""
        self.phase = Phase.CLOSED
        self._expected.clear()
        answers = [step for step in self._steps if isinstance(step, Answered)]
        self._steps.clear()
        self._steps.extend((*answers, *last))
