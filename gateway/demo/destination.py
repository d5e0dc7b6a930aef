"""A mail server for the demonstration: takes everything, remembers what came and how, offers TLS or not.

It is plain aiosmtpd, a server that shares no line with our client session.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.demo.authority import Identity


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came. tls: the version, empty when it came in clear."""

    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    tls: str = ""


class Destination:
    """One server on `host:port`; `arrivals` grows as mail comes in."""

    def __init__(self, hostname: str, *, identity: Identity | None) -> None:
        self.hostname = hostname
        self.arrivals: list[Arrival] = []
        self._context = _server_context(identity) if identity else None
        self._server: asyncio.Server | None = None
        self._news = asyncio.Condition()

    async def start(self, host: str, port: int) -> int:
        """Listen. Returns: the port, chosen by the system when 0 was asked for."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def wait_for(self, is_wanted: Callable[[Arrival], bool], *, timeout_s: float) -> Arrival:
        """The first arrival that is wanted, from the past or the future. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s), self._news:
            while (found := next(filter(is_wanted, self.arrivals), None)) is None:
                await self._news.wait()
            return found

    async def arriving(self) -> AsyncIterator[Arrival]:
        """What comes from now on, without an end."""
        place = len(self.arrivals)
        while True:
            async with self._news:
                while len(self.arrivals) <= place:
                    await self._news.wait()
            yield self.arrivals[place]
            place += 1

    def _session(self) -> SMTP:
        return SMTP(self, hostname=self.hostname, tls_context=self._context, ident="ESMTP")

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        tls = session.ssl.get("cipher", ("", "", 0))[1] if isinstance(session.ssl, dict) else ""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        async with self._news:
            self.arrivals.append(Arrival(tuple(envelope.rcpt_tos), content, tls))
            self._news.notify_all()
        return "250 2.0.0 Taken"

    async def handle_exception(self, _error: Exception) -> str:
        """A client that breaks the TLS handshake off is what an expired certificate is for: nothing to log."""
        return "451 4.3.0 Try again later"


def _server_context(identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.private_key)
    return context
