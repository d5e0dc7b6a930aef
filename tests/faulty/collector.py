"""A web host that takes TLS reports: real HTTPS on loopback, with whatever answer a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

HOST: Final = "reports.b.example"
TAKEN: Final = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Collector:
    """answer: sent after each request, as it is. heads, bodies: what came. names: of SNI."""

    answer: bytes = TAKEN
    is_silent: bool = False
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/v1/tls?who=b"


@asynccontextmanager
async def collector(context: ssl.SSLContext) -> AsyncIterator[Collector]:
    """Serve on 127.0.0.1 with this certificate."""
    host = Collector()
    context.sni_callback = lambda _socket, name, _context: host.names.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        host.bodies.append(await reader.readexactly(length))
        host.heads.append(head)
        if host.is_silent:
            await reader.read()
        writer.write(host.answer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
