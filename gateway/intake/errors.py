"""What can end a command or a session.

IntakeError            never raised itself
├── RefusedError       answer with `reply`; the session goes on
│   └── HangUpError    answer with `reply`, then close: nothing that follows can be trusted
└── PeerGoneError      there is nobody to answer; stop quietly
"""

from gateway.message.verdict import Reply


class IntakeError(Exception):
    """Base of this room's errors."""


class RefusedError(IntakeError):
    """The command is not carried out: send `reply`, which is a constant of `replies.py` or of the verdict table."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class HangUpError(RefusedError):
    """Send `reply` and close the connection; `reason` is one word for the log, empty for an ordinary end."""

    def __init__(self, reply: Reply, reason: str = "") -> None:
        super().__init__(reply)
        self.reason = reason


class PeerGoneError(IntakeError):
    """The connection ended, or the peer stopped reading: release the session."""
