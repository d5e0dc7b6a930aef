"""A TCP connection that can be upgraded to TLS in place.

Our own protocol instead of asyncio's streams, because a stream keeps clear text that arrived before the handshake and
hands it out afterwards as if it had come over TLS. Here the buffer is checked in the same breath in which TLS begins.
"""

import asyncio
import ssl
from typing import Final, cast

BUFFER_LIMIT: Final = 131_072  # octets unread before the peer is made to wait
YIELD_FROM: Final = 65_536  # octets written at once that count as a block of a large message
SHUTDOWN_S: Final = 5.0  # for the peer's close_notify


class Wire(asyncio.Protocol):
    """Bytes in both directions. One reader and one writer at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._is_over = False  # the peer sends nothing more, or the connection is gone
        self._is_lost = False
        self._is_full = False  # our side of the write buffer
        self._is_paused = False  # the peer is made to wait
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._gone = asyncio.Event()

    # --- what asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > BUFFER_LIMIT and not self._is_paused:
            self._is_paused = True
            self._open_transport().pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = self._is_lost = True
        self._gone.set()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # --- what the connection calls ---

    @property
    def is_quiet(self) -> bool:
        """Open, and the peer has said nothing that was not asked for."""
        return not self._buffer and not self._is_over and not self._open_transport().is_closing()

    @property
    def peer_ip(self) -> str:
        """The address at the other end."""
        return str(self._open_transport().get_extra_info("peername")[0])

    @property
    def local_ip(self) -> str:
        """The address at this end."""
        return str(self._open_transport().get_extra_info("sockname")[0])

    def take(self) -> bytes:
        """What has arrived, without waiting."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._is_paused and not self._is_over:
            self._is_paused = False
            self._open_transport().resume_reading()
        return data

    async def read(self) -> bytes:
        """What arrives next, empty at the end of the connection."""
        if not self._buffer and not self._is_over:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self.take()

    async def write(self, data: bytes | memoryview, *, limit_s: float) -> None:
        """Send, waiting while the peer takes nothing.

        Raises: ConnectionResetError when it is gone; TimeoutError when it took nothing for limit_s seconds.
        """
        if self._is_lost or self._open_transport().is_closing():
            raise ConnectionResetError("connection lost")
        self._open_transport().write(data)
        if self._is_full:
            self._writer = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(limit_s):
                await self._writer
        elif len(data) >= YIELD_FROM:
            await asyncio.sleep(0)  # others have their turn, and the loop can tell that the peer is gone
        if self._is_lost:
            raise ConnectionResetError("connection lost")

    async def start_tls(self, context: ssl.SSLContext, host: str, *, limit_s: float) -> ssl.SSLObject:
        """Begin TLS as the client.

        host: the name for SNI, and for the certificate where the context checks it.
        Raises: ssl.SSLError, OSError (ConnectionAbortedError past the limit); the connection is then closed.
        """
        transport = self._open_transport()
        if self._buffer or self._is_over or transport.is_closing():
            raise ConnectionAbortedError("the peer spoke or left before TLS began")
        upgraded = await asyncio.get_running_loop().start_tls(
            transport,
            self,
            context,
            server_hostname=host,
            ssl_handshake_timeout=limit_s,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )
        session = None if upgraded is None else upgraded.get_extra_info("ssl_object")
        if upgraded is None or not isinstance(session, ssl.SSLObject):
            raise ConnectionAbortedError("the connection was lost during the handshake")
        self._transport = upgraded
        return session

    def leave(self, last_words: bytes = b"") -> None:
        """Close after these words; at once when there are none, or when the peer takes none."""
        transport = self._open_transport()
        if not last_words or self._is_full or self._is_lost or transport.is_closing():
            transport.abort()
        else:
            transport.write(last_words)
            transport.close()

    async def wait_gone(self) -> None:
        """Wait until the connection is gone, after `leave`."""
        await self._gone.wait()

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected yet")
        return self._transport

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
