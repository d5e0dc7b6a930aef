"""Clients that are slow, honestly or not, and such as never read."""

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.intake.limits import Deadlines
from tests.gateway.intake.harness import (
    connected,
    ready_to_send,
    running,
)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["command", "auth", "data"])
async def test_slow_loris(tmp_path: Path, where: str) -> None:
    """RX-02: octets that trickle do not keep a session: the deadline is for the request, not for each octet."""
    fast = Deadlines(command_s=0.3, response_s=0.3, data_window_s=0.3, linger_s=0.1)
    async with running(tmp_path, deadlines=fast) as server, connected(server, "submissions") as wire:
        await wire.ask(b"EHLO c.example")
        if where == "auth":
            await wire.ask(b"AUTH LOGIN")
        if where == "data":
            await wire.log_in()
            for line in (b"MAIL FROM:<joe@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA"):
                await wire.ask(line)
        trickle = asyncio.create_task(_trickle(wire.writer))
        assert (await wire.reply()).startswith(b"421 4.4.2 ")
        assert await wire.reply() == b""
        trickle.cancel()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_honest_slow_client(tmp_path: Path) -> None:
    """RX-03: a message may take many windows as long as each brings its share (500 octets a second)."""
    async with running(tmp_path, deadlines=Deadlines(data_window_s=0.4)) as server, ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        for _ in range(20):
            await wire.send(b"x" * 98 + b"\r\n")
            await asyncio.sleep(0.05)  # up to 2,000 octets a second, for two and a half windows
        assert (await wire.ask(b".")).startswith(b"250 ")


@pytest.mark.slow
async def test_client_that_never_reads(tmp_path: Path) -> None:
    """RX-07: what is written to it is bounded, and so is the time it may take."""
    async with running(tmp_path, deadlines=Deadlines(write_s=0.3), limits={"recipients": 200}) as server:
        for listening in server.intake._sockets:  # what is accepted has it too
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", server.ports["relay"]))
        await loop.sock_recv(raw, 100)
        mail = b"MAIL FROM:<a@clinic.example>\r\n" + b"RCPT TO:<b@x.example>\r\n" * 200 + b"RSET\r\n"
        await loop.sock_sendall(raw, b"EHLO c.example\r\n")
        with raw, pytest.raises(ConnectionError):
            await _send_for_ever(raw, mail)


async def _send_for_ever(raw: socket.socket, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.wait_for(loop.sock_sendall(raw, data), 5)
