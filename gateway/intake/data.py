"""The message after DATA: blocks of bytes in, the message or a fault out. No I/O, no clock.

How this works: the end of data, a stuffed dot and a bare line end can all be cut in two by a block. So the reader keeps
back the longest tail that may be the beginning of CRLF.CRLF and judges all that goes before with searches over the
whole block. It starts as if a CRLF had gone before, which makes a dot at the first octet no special case. Same bytes,
same result, however they are cut into blocks.

A reader that repairs looks for the end in the bytes as they came, and only then makes line ends of bare CRs and LFs: no
end of data is ever made by repairing. A line with nothing but a dot that a bare CR or LF begins or ends is what
smuggling looks like (somebody may take it for the end), and is refused as it is everywhere else.

Large messages are attachments in base64: no dots, and lines of one length. What needs a dot is not looked for where
there is none, and even lines are checked by columns; that is as exact, and three times as fast.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

DOT: Final = b"."
END: Final = b"\r\n.\r\n"  # RFC 5321 section 4.1.1.4, with the CRLF of the last line
TAILS: Final = (END[:4], END[:3], END[:2], b"\r.", b"\n.", b"\r", b"\n")  # what END or a LONE_DOT may begin with
LONE_DOT: Final = re.compile(rb"[\r\n]\.[\r\n]")
MAX_LINE: Final = 998  # octets without CRLF, RFC 5322 section 2.1.1; RFC 5321 section 4.5.3.1.6 counts the CRLF


class Fault(Enum):
    """Why the data is no message. The first ends the session: where it ends is a matter of opinion (smuggling)."""

    MALFORMED = auto()  # bare CR, bare LF or NUL, repaired or not a false end: SM-01 to SM-04, SM-07
    TOO_BIG = auto()
    LINE_TOO_LONG = auto()
    NO_ROOM = auto()  # other messages take up the memory


@dataclass(frozen=True, slots=True)
class End:
    """The data is over.

    message: with dots unstuffed, every line ending in CRLF, when fault is None; else empty. Without what was taken.
    rest: bytes that came after the end of data: the next commands.
    """

    message: bytes
    rest: bytes
    fault: Fault | None


class DataReader:
    """Reads one message.

    limit: octets of message accepted, counted as in RFC 1870 section 4: with CRLFs, without stuffed dots and end mark.
    repairs_lines: bare CR and bare LF are no fault but become CRLF, before anything else looks at them.
    Memory held: what nobody took yet, and one block; past the limit the content is dropped and only counted.
    """

    def __init__(self, limit: int, *, repairs_lines: bool = False) -> None:
        self._limit = limit
        self._repairs_lines = repairs_lines
        self._tail = END[:2]
        self._message = bytearray()
        self._size = -2  # the CRLF that only seems to go before
        self._surplus = 2  # octets of it that are in front of the content
        self._line = 0  # octets so far of the line that the next piece continues
        self._has_long_line = False
        self._is_dropped = False

    @property
    def size(self) -> int:
        """Octets of message so far."""
        return max(self._size, 0)

    @property
    def kept(self) -> int:
        """Octets in memory."""
        return len(self._message)

    def take(self) -> bytes:
        """The content so far, without what was taken before; it is kept no longer."""
        surplus = min(self._surplus, len(self._message))
        taken = bytes(memoryview(self._message)[surplus:])
        self._surplus -= surplus
        self._message = bytearray()
        return taken

    def drop(self) -> None:
        """There is no room for it: keep nothing, and read on to where it ends."""
        self._is_dropped = True
        self._message = bytearray()

    def feed(self, block: bytes) -> End | None:
        """Take the next bytes. Returns: End when the data is over or can no longer be a message, None for more."""
        pending = self._tail + block
        found = pending.find(END) if DOT in pending else -1
        cut = found + 2 if found >= 0 else len(pending) - _kept_back(pending)
        # A lone dot is looked for one octet further: the line end that makes it one may begin what is kept back.
        if (self._repairs_lines and LONE_DOT.search(pending, 0, cut + 1)) or not self._take(pending[:cut]):
            return End(b"", b"", Fault.MALFORMED)
        if found < 0:
            self._tail = pending[cut:]
            return None
        fault = self._fault()
        return End(b"" if fault else self.take(), pending[found + len(END) :], fault)

    def _take(self, piece: bytes) -> bool:
        """Judge and keep bytes that hold no part of an end mark. Returns: False when they are malformed."""
        if 0 in piece:
            return False
        even = _even_lines(piece)
        if not even:
            ends = piece.count(b"\r\n")
            if piece.count(b"\n") != ends or piece.count(b"\r") != ends:
                if not self._repairs_lines:
                    return False
                piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        clear = piece.replace(b"\r\n.", b"\r\n") if DOT in piece else piece  # RFC 5321 section 4.5.2
        self._size += len(clear)
        self._line = self._measure(clear, even if clear is piece else 0)
        if self._fault():
            self._message = bytearray()
        else:
            self._message += clear
        return True

    def _measure(self, text: bytes, even: int) -> int:
        """Look for a long line, hopping from line end to line end. Returns: octets of the unfinished last line.

        even: as from _even_lines; the lines between the first and the last are as long as the second.
        """
        start = -self._line
        if 0 < even <= MAX_LINE + 2 and text.find(b"\n") - start < MAX_LINE + 2:
            start = text.rfind(b"\n") + 1
        while len(text) - start > MAX_LINE:
            end = text.rfind(b"\n", max(start, 0), start + MAX_LINE + 2)
            if end < 0:
                self._has_long_line = True
                end = text.find(b"\n", max(start, 0))
                if end < 0:
                    return MAX_LINE + 1
            start = end + 1
        last = text.rfind(b"\n", max(start, 0)) + 1
        return len(text) - (last or start)

    def _fault(self) -> Fault | None:
        if self._is_dropped:
            return Fault.NO_ROOM
        if self._size > self._limit:
            return Fault.TOO_BIG
        return Fault.LINE_TOO_LONG if self._has_long_line else None


def _kept_back(pending: bytes) -> int:
    """Octets at the end that may be the beginning of an end mark, a true or a false one."""
    return next((len(tail) for tail in TAILS if pending.endswith(tail)), 0)


def _even_lines(piece: bytes) -> int:
    """Octets from one line end to the next when all are CRLFs at the same distance, and at least two; else 0."""
    first = piece.find(b"\n")
    second = piece.find(b"\n", first + 1)
    if first < 1 or second < 0:
        return 0
    feeds = piece[first :: second - first]
    count = len(feeds)
    returns = piece[first - 1 :: second - first][:count]
    if feeds.count(b"\n") != count or returns.count(b"\r") != count:
        return 0
    return second - first if piece.count(b"\n") == count == piece.count(b"\r") else 0
