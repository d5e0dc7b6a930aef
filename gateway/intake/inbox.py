"""Bytes between the transport, which pushes, and the session, which pulls. Bounded by pausing the transport."""

import asyncio
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import HangUpError, PeerGoneError, RefusedError
from gateway.intake.limits import JUNK_LINE
from gateway.message.verdict import Reply

HIGH_WATER: Final = 64 * 1024  # octets held before the transport is paused


class Inbox:
    """One connection's input, before TLS or under it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._has_ended = False
        self._is_closing = False

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
        """The peer will send no more."""
        self._has_ended = True
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

    async def command(self, limit: int) -> bytes:
        """As `line`, for a command: also ends when the service closes down or another protocol begins."""
        while not self._is_closing:
            if self._buffer and self._buffer[0] < 0x20 and self._buffer[0] not in b"\r\n":
                raise HangUpError(replies.NOT_SMTP, "foreign protocol")  # SM-10: a TLS ClientHello begins with 0x16
            if self.has_line or len(self._buffer) > limit:
                break
            await self._more()
        if self._is_closing:
            raise HangUpError(replies.CLOSING_DOWN)
        return await self.line(limit, replies.LINE_TOO_LONG)

    async def line(self, limit: int, too_long: Reply) -> bytes:
        """Wait for a line. Returns: it without CRLF, at most limit octets.

        Raises: RefusedError with too_long after an over-long line was skipped to its end; HangUpError for a bare LF and
        for a line that does not end; PeerGoneError.
        """
        skipped = 0
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                skipped += len(self._buffer) - 1
                del self._buffer[:-1]  # keep a CR that may begin the line end
            if skipped > JUNK_LINE:
                raise HangUpError(too_long, "endless line")
            await self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise HangUpError(replies.BARE_LINE_END, "bare line feed")
        if skipped or len(line) > limit + 1:
            raise RefusedError(too_long)
        return line[:-1]

    async def block(self) -> bytes:
        """Wait for at least one octet and take all that is here. Raises: PeerGoneError."""
        while not self._buffer:
            await self._more()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def put_back(self, rest: bytes) -> None:
        """Return what `block` gave too much; reading goes on, so that a lost connection is seen while nobody waits."""
        self._buffer[:0] = rest
        if len(self._buffer) <= HIGH_WATER:
            self._resume()

    async def _more(self) -> None:
        if self._has_ended:
            raise PeerGoneError
        self._resume()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _resume(self) -> None:
        if self._is_paused and self._transport and not self._has_ended:
            self._transport.resume_reading()
            self._is_paused = False

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
