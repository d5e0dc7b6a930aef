"""The wire below TLS: what arrived in clear is never taken for what comes over TLS."""

import asyncio

import pytest

from gateway.delivery.wire import Wire
from tls.contexts import build_contexts


async def test_no_handshake_over_clear_text_that_waits() -> None:
    """TL-02: the last look is in the same breath in which TLS begins; not even a ClientHello is said."""
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
        async with asyncio.timeout(5):
            wire.data_received(b"250-mx.b.example\r\n250 AUTH PLAIN\r\n")
            with pytest.raises(ConnectionAbortedError, match="before TLS"):
                await wire.start_tls(build_contexts().unauthenticated, "mx.b.example", limit_s=0.2)
            wire.leave()
            assert await heard == b""
