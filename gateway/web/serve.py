"""Serve one ASGI application inside our event loop, with uvicorn as the HTTP engine.

What uvicorn does otherwise and we must not: take SIGTERM and SIGINT, end the process when a port is taken, write access
logs (a path holds a portal token), believe X-Forwarded-For, wait without end for the head of a request.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.brake import network_of
from gateway.web.edge import Edge

HEAD_S: Final = 15  # from the connection, or the last response, to the end of the next request's head
HEAD_BYTES: Final = 16 * 1024
CONNECTIONS: Final = 512  # beyond them the answer is 503
PER_PEER: Final = 64  # of them from one address: a waiting room is fine, a flood leaves room for others
PROXIES: Final = frozenset(map(network_of, ("", "127.0.0.1", "::1")))
STOP_S: Final = 10  # what runs may finish for so long


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with our certificate and its chain (PEM); `renew` changes it. Raises: OSError, ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # TLS 1.2; SA-09. TLS 1.3 has no others
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_NO_TICKET  # one key for tickets would last as long as the context (RFC 9325 section 3.4)
    context.load_cert_chain(certificate, private_key)
    return context


def renew(context: ssl.SSLContext, certificate: Path, private_key: Path) -> None:
    """Read the files again, for new connections. Raises: OSError, ssl.SSLError; the old pair stays then.

    Tried on a context of its own first: OpenSSL has taken the certificate when it finds that the key does not fit.
    """
    server_context(certificate, private_key)
    context.load_cert_chain(certificate, private_key)


class HttpServer:
    """One listening address with one application.

    tls: None speaks plain HTTP, for health and metrics on loopback only.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._port = port
        self._engine = _Engine(_engine_config(app, tls))
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; the one that the system chose when it was given as 0."""
        if self._socket is None:
            return self._port
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen and serve. Raises: OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server((self._host, self._port), family=family, backlog=256)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so for its own sockets only
        self._port = self.port
        self._task = asyncio.create_task(self._engine.serve(sockets=[self._socket]), name=f"http-{self.port}")
        begun = asyncio.create_task(self._engine.begun.wait())
        await asyncio.wait({self._task, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Stop listening, let requests under way finish for STOP_S, then cut what is left."""
        if self._task is None:
            return
        self._engine.should_exit = True
        await self._task
        for connection in tuple(self._engine.server_state.connections):
            connection.transport.abort()
        self._task, self._socket = None, None


def _engine_config(app: ASGIApp, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        Edge(app),
        interface="asgi3",
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="critical",  # what matters is logged by Edge, without texts from the client
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=HEAD_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )


class _Engine(uvicorn.Server):
    """uvicorn without its signal handlers, and with an event when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's business."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()


class PromptProtocol(H11Protocol):
    """HTTP/1.1 by h11 (0.16 and newer refuse malformed chunks, PO-17) with a deadline for the head of each request."""

    _deadline: asyncio.TimerHandle | None = None
    _peer: bytes = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        super().connection_made(transport)
        self._peer = network_of(self.client[0] if self.client else "")
        if self._is_one_too_many():
            transport.abort()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _is_one_too_many(self) -> bool:
        """Whether this peer has its share already. Loopback has none: there a proxy speaks for everybody."""
        if self._peer in PROXIES:
            return False
        neighbours = [other for other in self.connections if getattr(other, "_peer", b"") == self._peer]
        return len(neighbours) > PER_PEER

    def _watch_head(self) -> None:
        """Run the clock while a head is awaited, from its beginning: single octets do not prolong it."""
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.abort)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
