"""A policy host on loopback: a real HTTPS server that answers with whatever bytes a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.faulty import certificates


@dataclass(slots=True)
class PolicyHost:
    """answer: sent after each request, as it is. first: sent instead after the first one.

    requests: the heads that came. names: of SNI.
    """

    answer: bytes = b""
    first: bytes = b""
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    is_silent: bool = False


def http(body: bytes, status: str = "200 OK", *headers: str, kind: str = "text/plain") -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def policy_host(
    make: Callable[..., ssl.SSLContext] = certificates.good, name: str = "mta-sts.b.example"
) -> AsyncIterator[PolicyHost]:
    """Serve on 127.0.0.1 with a certificate that `make` issues for the name."""
    host, context = PolicyHost(), make(name)
    context.sni_callback = lambda _socket, name, _context: host.names.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.requests.append(await reader.readuntil(b"\r\n\r\n"))
        if host.is_silent:
            await reader.read()
        writer.write(host.first if host.first and len(host.requests) == 1 else host.answer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
