"""Bounds of a session and of a listener. Counters and sums only: the clock is an argument."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from gateway.brake import network_of
from gateway.intake import replies
from gateway.intake.errors import HangUpError
from gateway.message.verdict import Reply

MINIMUM_RATE: Final = 500  # octets of message a second, RX-02 and RX-03
ERRORS: Final = 20  # refused commands since the last accepted message; Postfix' smtpd_hard_error_limit
IDLE_COMMANDS: Final = (
    100  # commands since the last accepted message that bring none nearer; Postfix' smtpd_junk_command_limit
)
EXCESS_RECIPIENTS: Final = 1000  # refused with 452 before the session ends, RX-05
MESSAGES_IN_HAND: Final = 256 * 1024 * 1024  # octets of messages in memory while they are received, RX-06
AUTH_FAILURES: Final = 3  # SA-06
JUNK_LINE: Final = 64 * 1024  # octets of an over-long line that are skipped before the session ends
LINGER: Final = 16 * 1024 * 1024  # octets read and dropped after the last reply, so that a reset does not destroy it


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds, per phase. Each is for the whole request, not for each octet of it."""

    proxy_s: float = 5.0  # the whole PROXY header; its specification asks for 3 or more
    handshake_s: float = 30.0
    command_s: float = 300.0  # RFC 5321 section 4.5.3.2.7, server waiting for a command
    response_s: float = 60.0  # one line of an AUTH exchange
    data_window_s: float = 60.0  # how long a message may take for each `data_window_s * MINIMUM_RATE` octets
    write_s: float = 60.0  # the client takes what we send, RX-07
    linger_s: float = 5.0
    quiet_s: float = 0.25  # lingering ends when nothing came for this long


class Budget:
    """What a session may spend between two accepted messages. Raises HangUpError when it is used up."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """A message was accepted."""
        self._errors = ERRORS
        self._idle = IDLE_COMMANDS
        self._excess = EXCESS_RECIPIENTS

    def spend_error(self) -> None:
        """A command was refused for good."""
        self._errors -= 1
        if self._errors <= 0:
            raise HangUpError(replies.TOO_MANY_ERRORS, "errors")

    def spend_idle(self) -> None:
        """A command came that belongs to no message, or was refused for now."""
        self._idle -= 1
        if self._idle < 0:
            raise HangUpError(replies.TOO_MANY_COMMANDS, "idle commands")

    def spend_excess(self) -> None:
        """A recipient came above the limit."""
        self._excess -= 1
        if self._excess < 0:
            raise HangUpError(replies.TOO_MANY_ERRORS, "recipients")


class Pace:
    """The least speed of a message: every window of `window_s` seconds must bring its share of MINIMUM_RATE.

    now: seconds on any steady clock, the same in each call. deadline: when the present window must be full.
    """

    def __init__(self, now: float, window_s: float) -> None:
        self._window_s = window_s
        self._share = int(window_s * MINIMUM_RATE)
        self._goal = self._share
        self.deadline = now + window_s

    def advance(self, now: float, size: int) -> None:
        """So many octets are here in all: begin a new window when this one is full."""
        if size >= self._goal:
            self._goal = size + self._share
            self.deadline = now + self._window_s

    def excuse(self, seconds: float) -> None:
        """So long it was us who kept the client waiting."""
        self.deadline += seconds


class Doorkeeper:
    """Counts the open connections of one listener, in all and by address (RX-01).

    In IPv6 the /64 counts as one address: who has one of it has them all.
    """

    def __init__(self, *, connections: int, per_address: int) -> None:
        self._connections = connections
        self._per_address = per_address
        self._open: Counter[bytes] = Counter()  # by network
        self._total = 0

    @property
    def total(self) -> int:
        """Open connections, refused ones on their way out not counted."""
        return self._total

    def admit(self, address: str) -> Reply | None:
        """Count one in. address: empty while a proxy has not told it. Returns: why not, and then it is not counted."""
        if self._total >= self._connections:
            return replies.BUSY
        network = network_of(address)
        if network and self._open[network] >= self._per_address:
            return replies.BUSY_FOR_YOU
        self._total += 1
        self._open[network] += 1
        return None

    def introduce(self, address: str) -> Reply | None:
        """One that was admitted without an address has this one. Returns: why it must go; it is counted as before."""
        network = network_of(address)
        if self._open[network] >= self._per_address:
            return replies.BUSY_FOR_YOU
        self._open[b""] -= 1
        self._open[network] += 1
        return None

    def leave(self, address: str) -> None:
        """Count one out that was admitted."""
        network = network_of(address)
        self._total -= 1
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]
