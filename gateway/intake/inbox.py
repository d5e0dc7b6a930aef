"""Bytes between the transport, which pushes, and the session, which pulls. Bounded by pausing, and by deadlines.

How this works: every wait names its deadline, seconds of the loop's clock, for the whole request and not for each octet
of it. A session has one timer for all its waits: it is set earlier when it must be, and otherwise left alone; when it
rings before the deadline that counts by then, it is set again. So a command costs a number, not a timer.
"""

import asyncio
from math import inf
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import HangUpError, PeerGoneError, RefusedError
from gateway.intake.limits import JUNK_LINE
from gateway.message.verdict import Reply

HIGH_WATER: Final = 64 * 1024  # octets held before the transport is paused


class Inbox:
    """One connection's input, before TLS or under it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._has_ended = False
        self._is_closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = inf
        self._deadline = inf  # of the last wait

    # --- the transport's side ---

    def attach(self, transport: asyncio.Transport) -> None:
        """Read from this transport from now on."""
        self._transport = transport
        self._is_paused = False

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data
        if len(self._buffer) > HIGH_WATER and self._transport and not self._is_paused:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def end(self) -> None:
        """The peer will send no more, and so nobody waits any more."""
        self._has_ended = True
        if self._timer:
            self._timer.cancel()  # it would keep the session in memory until it rings
            self._timer, self._rings_at = None, inf
        self._wake()

    def close_when_idle(self) -> None:
        """Make the next wait for a command raise HangUpError with CLOSING_DOWN."""
        self._is_closing = True
        self._wake()

    # --- the session's side ---

    @property
    def has_bytes(self) -> bool:
        """Whether something is here that nobody asked for yet."""
        return bool(self._buffer)

    @property
    def has_line(self) -> bool:
        """Whether `line` would return at once."""
        return b"\n" in self._buffer

    async def command(self, limit: int, until: float) -> bytes:
        """As `line`, for a command: also ends when the service closes down or another protocol begins."""
        while not self._is_closing:
            if self._buffer and self._buffer[0] < 0x20 and self._buffer[0] not in b"\r\n":
                raise HangUpError(replies.NOT_SMTP, "foreign protocol")  # SM-10: a TLS ClientHello begins with 0x16
            if self.has_line or len(self._buffer) > limit:
                break
            await self._more(until)
        if self._is_closing:
            raise HangUpError(replies.CLOSING_DOWN)
        return await self.line(limit, replies.LINE_TOO_LONG, until)

    async def line(self, limit: int, too_long: Reply, until: float) -> bytes:
        """Wait for a line. Returns: it without CRLF, at most limit octets.

        Raises: RefusedError with too_long after an over-long line was skipped to its end; HangUpError for a bare LF and
        for a line that does not end; PeerGoneError; TimeoutError.
        """
        skipped = 0
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                skipped += len(self._buffer) - 1
                del self._buffer[:-1]  # keep a CR that may begin the line end
            if skipped > JUNK_LINE:
                raise HangUpError(too_long, "endless line")
            await self._more(until)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise HangUpError(replies.BARE_LINE_END, "bare line feed")
        if skipped or len(line) > limit + 1:
            raise RefusedError(too_long)
        return line[:-1]

    async def block(self, until: float) -> bytes:
        """Wait for at least one octet and take all that is here. Raises: PeerGoneError, TimeoutError."""
        while not self._buffer:
            await self._more(until)
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def put_back(self, rest: bytes) -> None:
        """Return what `block` gave too much; reading goes on, so that a lost connection is seen while nobody waits."""
        self._buffer[:0] = rest
        if len(self._buffer) <= HIGH_WATER:
            self._resume()

    async def _more(self, until: float) -> None:
        if self._has_ended:
            raise PeerGoneError
        if self._loop.time() >= until:
            raise TimeoutError  # RX-02
        self._deadline = until
        if until < self._rings_at:
            self._set_timer()
        self._resume()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._rings_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, inf
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._wake()  # who waits finds that it is late

    def _resume(self) -> None:
        if self._is_paused and self._transport and not self._has_ended:
            self._transport.resume_reading()
            self._is_paused = False

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
