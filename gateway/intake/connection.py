"""One client connection: aiosmtpd's protocol class, tamed. Bytes, deadlines, TLS and the last words; no SMTP verbs.

What aiosmtpd 1.4.6 does otherwise and why it is replaced here: its constructor inspects every attribute of itself and
of the handler for each connection; its reader takes bare LF, and half a line for ever; a half-close cancels the
handler; a `500` quotes the exception; TLS from the start offers no AUTH; its logger writes message lines.
"""

import asyncio
import contextlib
import secrets
import ssl
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Final, cast

from aiosmtpd.smtp import SMTP

from gateway.intake import replies
from gateway.intake.client_certificate import Holder, read_holder
from gateway.intake.door import Door
from gateway.intake.errors import HangUpError, PeerGoneError
from gateway.intake.inbox import Inbox
from gateway.intake.limits import LINGER
from gateway.log import get_logger
from gateway.message.verdict import Reply

FLUSH: Final = 8 * 1024  # octets of replies to a pipelined group that are kept together (RFC 2920 section 3.2)
EARLY_TICKS: Final = 3  # rounds of the loop in which bytes that were already there show up before the greeting
SHUTDOWN_S: Final = 5.0  # TLS close_notify

log: Final = get_logger("intake")


class Connection(SMTP, ABC):
    """Everything but the conversation, which a subclass has in `converse`.

    Not cancelled when the client goes: the conversation learns of it at its next read or write.
    """

    def __init__(self, door: Door, ip: str, port: int) -> None:
        # Nothing of the bases' constructors, see above: `inbox` takes the place of their StreamReader, and every method
        # that the event loop calls is here.
        self.loop = asyncio.get_running_loop()
        self.door = door
        self.ip, self.port = ip, port
        self.tls_version, self.tls_cipher = "", ""
        self.holder: Holder | None = None  # of the client certificate that TLS verified
        self.inbox = Inbox()
        self._out = bytearray()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._is_lost = False
        self._wire: asyncio.Transport

    @cached_property
    def id(self) -> str:
        """For the log; made when the first line needs it."""
        return secrets.token_hex(6)

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; `serve` does the rest."""
        self._wire = cast("asyncio.Transport", transport)  # the loop says BaseTransport and means TCP
        self.inbox.attach(self._wire)

    def data_received(self, data: bytes) -> None:
        """Keep it until it is asked for."""
        self.inbox.feed(data)

    def eof_received(self) -> bool:
        """The client sends no more; without TLS it may still read our replies (RX: half-close after the dot)."""
        self.inbox.end()
        return self._wire.get_extra_info("sslcontext") is None

    def connection_lost(self, error: Exception | None) -> None:
        """Wake who waits."""
        self._is_lost = True
        self.inbox.end()
        self._may_write.set()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._may_write.set()

    # --- called by the conversation ---

    @abstractmethod
    async def converse(self) -> None:
        """Talk until an IntakeError or TimeoutError ends it."""

    def reply(self, reply: Reply) -> None:
        """Queue a reply; `flush` sends it."""
        self.write(str(reply).encode("ascii"))

    def write(self, line: bytes) -> None:
        """Queue one line, without its CRLF."""
        self._out += line + b"\r\n"

    async def flush(self) -> None:
        """Send what is queued, and wait while the client does not take it. Raises: PeerGoneError."""
        if self._out and not self._is_lost:
            self._wire.write(bytes(self._out))
            self._out.clear()
        try:
            if not self._may_write.is_set():
                async with asyncio.timeout(self.door.deadlines.write_s):
                    await self._may_write.wait()
        except TimeoutError:
            self._wire.abort()  # RX-07
            raise PeerGoneError from None
        if self._is_lost:
            raise PeerGoneError

    async def read_command(self, limit: int) -> bytes:
        """The next command line. Replies are sent first, unless more of a pipelined group is here already."""
        if self.inbox.has_line and len(self._out) < FLUSH:
            return await self.inbox.command(limit, self.loop.time())
        await self.flush()
        return await self.inbox.command(limit, self.loop.time() + self.door.deadlines.command_s)

    async def refuse_early_talk(self) -> None:
        """SM-09: who sends before the greeting does not speak SMTP, or is made to. Raises: HangUpError."""
        for _ in range(EARLY_TICKS):
            await asyncio.sleep(0)
        if self.inbox.has_bytes:
            raise HangUpError(replies.TALKED_TOO_EARLY, "talked before greeting")

    async def start_tls(self, announcement: Reply) -> None:
        """Begin TLS after an announcement.

        Nothing read before may count after: reading stops before the announcement, and bytes that are here already are
        an attack (SA-01; RFC 3207 section 4.2). Raises: HangUpError for those and for a certificate that is not let in,
        PeerGoneError when the handshake fails.
        """
        self._wire.pause_reading()
        if self.inbox.has_bytes:
            self._wire.resume_reading()
            raise HangUpError(replies.TALKED_TOO_EARLY, "STARTTLS injection")
        self._wire.write(str(announcement).encode("ascii") + b"\r\n")
        try:
            secure = await self.loop.start_tls(
                self._wire,
                self,
                self.door.tls(),
                server_side=True,
                ssl_handshake_timeout=self.door.deadlines.handshake_s,  # SA-08
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except OSError as error:  # ssl.SSLError, ConnectionError and TimeoutError are among them
            log.info("tls_failed", session=self.id, listener=self.door.name, ip=self.ip, why=why_tls_failed(error))
            raise PeerGoneError from None
        if secure is None:
            raise PeerGoneError
        self._wire = secure
        self.inbox.attach(secure)
        self.note_tls()
        if self.door.client_names and not (self.holder and self.door.client_names & self.holder.names):
            raise HangUpError(replies.NAME_NOT_LISTED, "certificate name not listed")  # SA-10

    def note_tls(self) -> None:
        """TLS is up: remember what was agreed."""
        tls = self._wire.get_extra_info("ssl_object")
        self.tls_version, self.tls_cipher = tls.version(), tls.cipher()[0]
        self.door.services.observer.secured(self.door.name, self.tls_version)
        shown = tls.getpeercert(binary_form=True) if self.door.asks_certificate else None
        if shown:
            self.holder = read_holder(shown)
            log.info(
                "client_certificate",
                session=self.id,
                listener=self.door.name,
                ip=self.ip,
                name=self.holder.name,
            )

    # --- the life of a connection ---

    async def serve(self) -> None:
        """Converse, say the last words, close. Never raises but for cancellation."""
        self.door.sessions.add(self.inbox)
        try:
            await self._converse_to_the_end()
        finally:
            self.door.sessions.discard(self.inbox)
            self._close()

    async def _converse_to_the_end(self) -> None:
        try:
            await self.converse()
        except HangUpError as end:
            await self._say_last(end)
        except TimeoutError:
            await self._say_last(HangUpError(replies.TIMED_OUT, "timed out"))
        except PeerGoneError:
            pass
        except Exception as error:
            await self._say_last(HangUpError(self.report_bug(error), "internal error"))

    def report_bug(self, error: BaseException) -> Reply:
        """Log where an unforeseen error came from. Returns: a reply that tells the id to look for, no more."""
        log.error("session_failed", session=self.id, listener=self.door.name, exc_info=error)
        return Reply(451, "3.0", f"Local error in processing ({self.id})")

    async def _say_last(self, end: HangUpError) -> None:
        """Send the last reply, then read on for a moment: closing on unread input would reset the reply away."""
        if end.reason:
            self.door.services.observer.refused(self.door.name, "session", end.reply.code)
            log.warning(
                "session_refused",
                session=self.id,
                listener=self.door.name,
                ip=self.ip,
                reason=end.reason,
                code=end.reply.code,
            )
        self.reply(end.reply)
        with contextlib.suppress(PeerGoneError, TimeoutError):
            await self.flush()
            if end.reason and not self._is_lost:
                await self._linger()

    async def _linger(self) -> None:
        if self._wire.can_write_eof():
            self._wire.write_eof()
        dropped, end = 0, self.loop.time() + self.door.deadlines.linger_s
        while dropped < LINGER and (now := self.loop.time()) < end:
            dropped += len(await self.inbox.block(min(end, now + self.door.deadlines.quiet_s)))

    def _close(self) -> None:
        """Close; what the client does not take in time is dropped."""
        if self._wire.get_write_buffer_size():
            self.loop.call_later(self.door.deadlines.write_s, self._wire.abort)
        self._wire.close()


def why_tls_failed(error: OSError) -> str:
    """For the log: OpenSSL's word, such as `CERTIFICATE_VERIFY_FAILED`, or what kind of error it was."""
    reason = error.reason if isinstance(error, ssl.SSLError) else ""
    return reason or type(error).__name__
