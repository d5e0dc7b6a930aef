"""Replies of an SMTP server: bytes in, whole replies out, bounded in every direction (OB-06).

What breaks the grammar of RFC 5321 section 4.2 raises `ReplyError`: the peer is no mail server, or an attacker. Bare LF
as a line end is taken, since nothing is lost by it.
"""

import re
from dataclasses import dataclass
from typing import Final

LINE_LIMIT: Final = 4096  # octets; RFC 5321 section 4.5.3.1.5 says 512, real servers write more
LINES_LIMIT: Final = 100
REPLY_LIMIT: Final = 65_536  # octets
SHOWN_LIMIT: Final = 400  # characters of a reply that go into queue and audit log

LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)  # RFC 5321 section 4.2, Reply-line
ENHANCED: Final = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?: |$)")  # RFC 2034 section 4
CODES: Final = re.compile(r"[2-5]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?")  # RFC 5321 section 4.2, RFC 3463 section 2
UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


class ReplyError(Exception):
    """The peer sent what is no SMTP reply; drop the connection. The text never quotes it."""


@dataclass(frozen=True, slots=True)
class PeerReply:
    """A reply as the peer gave it. lines: text after the code, unprintable characters as `?`."""

    code: int  # RFC 5321 section 4.2, 200 to 599
    lines: tuple[str, ...]

    @property
    def is_success(self) -> bool:
        return self.code // 100 == 2

    @property
    def is_permanent(self) -> bool:
        return self.code // 100 == 5

    @property
    def enhanced(self) -> str:
        """RFC 3463 status of the first line, if there is one of the same class as the code; else empty."""
        match = ENHANCED.match(self.lines[0])
        return match[0].strip() if match and int(match[1]) == self.code // 100 else ""

    def __str__(self) -> str:
        return f"{self.code} {' '.join(self.lines)}"[:SHOWN_LIMIT].rstrip()


class ReplyReader:
    """Takes bytes as they come, gives whole replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._code = 0
        self._lines: list[str] = []
        self._size = 0  # of the unfinished reply

    @property
    def is_empty(self) -> bool:
        """No byte waits, not even of an unfinished line: nothing came before its time."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_reply(self) -> PeerReply | None:
        """The next whole reply, None when more bytes are needed.

        Raises: ReplyError for anything outside the grammar or the limits.
        """
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if self._take_line(line.removesuffix(b"\r")):
                reply = PeerReply(self._code, tuple(self._lines))
                self._code, self._lines, self._size = 0, [], 0
                return reply
        if len(self._buffer) > LINE_LIMIT:
            raise ReplyError("a reply line is too long")
        return None

    def _take_line(self, line: bytes) -> bool:
        """Add a line to the reply. Returns: whether it was the last."""
        match = LINE.fullmatch(line)
        if match is None:
            raise ReplyError("a line is no SMTP reply")
        self._size += len(line)
        if len(line) > LINE_LIMIT or self._size > REPLY_LIMIT or len(self._lines) == LINES_LIMIT:
            raise ReplyError("a reply is too long")
        code = int(match[1])
        if self._lines and code != self._code:
            raise ReplyError("the lines of a reply differ in their codes")
        self._code = code
        self._lines.append(UNPRINTABLE.sub("?", (match[3] or b"").decode("latin-1")))
        return match[2] != b"-"


def codes_of(reply: str) -> str:
    """The numbers of a reply line, empty when it has none; its words may quote the message that it answers."""
    match = CODES.match(reply)
    return match[0] if match else ""
