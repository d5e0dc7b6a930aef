"""The server and the health pages: signals, ports, slow and malformed clients, no exception text."""

import asyncio
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.log import configure
from gateway.metrics import Metrics
from gateway.web import edge, serve
from gateway.web.health import health_app
from gateway.web.serve import HttpServer

pytestmark = pytest.mark.slow

Ask = Callable[[bytes], Awaitable[bytes]]


@pytest.fixture
async def start() -> AsyncIterator[Callable[[ASGIApp], Awaitable[Ask]]]:
    """Start an application on plain HTTP; gives a function that sends octets and reads until the server closes."""
    servers: list[HttpServer] = []

    async def begin(app: ASGIApp) -> Ask:
        server = HttpServer(app, host="127.0.0.1", port=0, tls=None)
        servers.append(server)
        await server.start()

        async def ask(octets: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(octets)
            try:
                async with asyncio.timeout(20):
                    return await reader.read()
            finally:
                writer.close()

        return ask

    yield begin
    for server in servers:
        await server.stop()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(b"got " + body)(scope, receive, send)


async def test_health_pages(start: Callable[[ASGIApp], Awaitable[Ask]]) -> None:
    """GET /metrics for Prometheus, /healthz alive, /readyz with every cause on a line of its own."""
    metrics = Metrics()
    reasons: list[str] = []
    metrics.gauge("store_healthy").set(1)
    warnings: list[str] = []
    ask = await start(health_app(metrics, lambda: tuple(reasons), lambda: tuple(warnings)))
    assert b"\r\n\r\nok\n" in await ask(get("/healthz"))
    page = await ask(get("/metrics"))
    assert b"text/plain; version=0.0.4; charset=utf-8\r\n" in page
    assert b"\nmailward_store_healthy 1.0\n" in page
    assert (await ask(get("/readyz"))).startswith(b"HTTP/1.1 200 ")
    warnings += ["mend the file"]
    ready = await ask(get("/readyz"))
    assert ready.startswith(b"HTTP/1.1 200 ")
    assert ready.endswith(b"\r\n\r\nready\nwarning: mend the file\n"), "mail is accepted all the same"
    reasons += ["the store cannot commit", "no inspector can start"]
    unready = await ask(get("/readyz"))
    assert unready.startswith(b"HTTP/1.1 503 ")
    assert unready.endswith(b"\r\n\r\nthe store cannot commit\nno inspector can start\n")
    assert (await ask(get("/readyz/"))).startswith(b"HTTP/1.1 404 ")


async def test_signals_stay_with_the_daemon(start: Callable[[ASGIApp], Awaitable[Ask]]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    await start(hello)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_taken_port_is_an_error_and_not_the_end() -> None:
    first = HttpServer(hello, host="127.0.0.1", port=0, tls=None)
    await first.start()
    second = HttpServer(hello, host="127.0.0.1", port=first.port, tls=None)
    with pytest.raises(OSError, match="already in use"):
        await second.start()
    await second.stop()
    await first.stop()


async def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    """Nagle's algorithm would hold the second packet of each answer back for 40 ms on a kept connection."""
    server = HttpServer(hello, host="127.0.0.1", port=0, tls=None)
    await server.start()
    assert server._socket is not None
    assert server._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1  # what it accepts inherits this
    await server.stop()


async def test_stop_lets_a_request_finish() -> None:
    arrived, finish = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await finish.wait()
        await PlainTextResponse("done")(scope, receive, send)

    server = HttpServer(slow, host="127.0.0.1", port=0, tls=None)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(get("/"))
    await arrived.wait()
    stopping = asyncio.create_task(server.stop())
    finish.set()
    assert (await reader.read()).endswith(b"done")
    await stopping
    writer.close()
    with pytest.raises(OSError):  # noqa: PT011  # the message differs by system
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_an_exception_shows_nothing(
    start: Callable[[ASGIApp], Awaitable[Ask]], capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the client nor the log sees the text, which may quote somebody's mail."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("Ana has diabetes")

    configure()
    ask = await start(broken)
    answer = await ask(get("/"))
    structlog.reset_defaults()
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"diabetes" not in answer
    said = "".join(capfd.readouterr())
    assert "diabetes" not in said
    assert "ValueError" in said


@pytest.mark.parametrize(
    "request_octets",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/"),
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000,
        b"EHLO a\r\n\r\n",
    ],
)
async def test_po_17_ambiguous_requests_are_refused(
    start: Callable[[ASGIApp], Awaitable[Ask]], request_octets: bytes
) -> None:
    """PO-17: a proxy and we must not read two things; the connection ends."""
    answer = await (await start(hello))(request_octets)
    assert not answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") <= 1


async def test_a_head_that_never_ends_is_cut(
    start: Callable[[ASGIApp], Awaitable[Ask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client may send single octets for ever; so may one that says nothing, or keeps its connection."""
    monkeypatch.setattr(serve, "HEAD_S", 0.05)
    ask = await start(hello)
    assert await ask(b"") == b""
    assert await ask(b"GET / HTTP/1.1\r\nHo") == b""
    kept = await ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert kept.startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_never_ends_is_cut(
    start: Callable[[ASGIApp], Awaitable[Ask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "RECEIVE_S", 0.05)
    answer = await (await start(hello))(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 500 ")


async def test_a_long_page_may_take_as_long_as_many_short_ones(
    start: Callable[[ASGIApp], Awaitable[Ask]],
) -> None:
    """Each 64 KiB have their own deadline, also when the application sends a page as one."""
    pieces: list[int] = []
    page = bytes(300 * 1024)

    async def counted(scope: Scope, _receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            pieces.append(len(message.get("body", b"")))
            await send(message)

        await edge.Edge(long)(scope, _receive, count)

    async def long(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(page)(scope, receive, send)

    answer = await (await start(counted))(get("/"))
    assert answer.endswith(b"\r\n\r\n" + page)
    assert max(pieces) == edge.PIECE


async def test_one_address_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections from one peer fill its share, not the portal; loopback is where a proxy may sit."""
    monkeypatch.setattr(serve, "PER_PEER", 2)
    server = HttpServer(hello, host="127.0.0.1", port=0, tls=None)
    await server.start()

    async def answer_from(address: str) -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            return await reader.read(8), writer
        except ConnectionError:
            return b"", writer

    answers = [await answer_from(address) for address in ("127.0.0.2",) * 3 + ("127.0.0.3",) + ("127.0.0.1",) * 4]
    assert [octets for octets, _ in answers] == [b"HTTP/1.1"] * 2 + [b""] + [b"HTTP/1.1"] * 5
    for _, writer in answers:
        writer.close()
    await server.stop()


async def test_old_tls_is_refused(server_tls: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """TLS 1.2 and newer with forward secrecy; nothing else is even offered."""
    server = HttpServer(hello, host="127.0.0.1", port=0, tls=server_tls)
    await server.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-GCM-SHA384:@SECLEVEL=0")  # RSA key exchange: no forward secrecy
    with pytest.raises(OSError):  # noqa: PT011  # an alert or a reset, by how fast the server closes
        await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()
    await server.stop()


async def test_no_session_tickets(server_tls: ssl.SSLContext) -> None:
    """No key outlives a session that would open it later (RFC 9325 section 3.4)."""
    server = HttpServer(hello, host="127.0.0.1", port=0, tls=server_tls)
    await server.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its ticket comes within the handshake
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    session = writer.get_extra_info("ssl_object").session
    assert session is None or not session.has_ticket
    writer.close()
    await server.stop()
