"""The wire below TLS: what arrived in clear is never taken for what comes over TLS."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.delivery.connection import Connection
from gateway.delivery.wire import BUFFER_LIMIT, Wire
from tests.gateway.delivery.conftest import limits_of
from tests.gateway.delivery.dialogues import ready, whole
from tls.contexts import build_contexts
from tls.requirement import Requirement


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


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize("stray", [b"250 2.0.0 taken\r\n", b"421 4.4.2 idle\r\n", b""])
async def test_a_kept_connection_that_said_something_is_not_used(stray: bytes) -> None:
    """TL-30: a reply that nobody asked for would answer the next MAIL. Empty: the peer has left."""
    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
        session = ready(whole)
        connection = Connection(
            wire,
            session,
            host="mx.b.example",
            needed=Requirement(),
            limits=limits_of(1),
            clock=lambda: datetime.now(UTC),
        )
        before = connection.is_usable
        if stray:
            wire.data_received(stray)
        else:
            wire.eof_received()
        assert (before, connection.is_usable) == (True, False)
        connection.abort()
        await connection.wait_closed()


class Tap(asyncio.Transport):
    """A transport that only notes whether anybody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[str] = []

    def pause_reading(self) -> None:
        self.turns.append("off")

    def resume_reading(self) -> None:
        self.turns.append("on")


def test_a_flood_that_nobody_reads_is_stopped() -> None:
    """OB-06: while we send a message nobody reads, and the peer may not fill our memory meanwhile."""
    tap, wire = Tap(), Wire()
    wire.connection_made(tap)
    for _ in range(3):
        wire.data_received(b"x" * BUFFER_LIMIT)
    assert tap.turns == ["off"]
    assert len(wire.take()) == 3 * BUFFER_LIMIT
    assert tap.turns == ["off", "on"]
