"""The client of the benchmark: kept sessions that hand in messages one after the other, as fast as the server takes.

`python -m bench.load --port P --messages N --connections C` prints the seconds from the first connection to the last
250.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from typing import Final

import uvloop

from bench.letters import RECIPIENT, SENDER, letters

SLICE: Final = 64 * 1024


class Refused(Exception):
    """The server did not want it."""


class Client:
    """One session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Client":
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client._reply(b"220")
        await client._say(b"EHLO client.clinic.example\r\n", b"250")
        return client

    async def send(self, message: bytes) -> None:
        """MAIL, RCPT and DATA in one segment, as both servers offer PIPELINING (RFC 2920)."""
        await self._begin()
        await self._say(message + b".\r\n", b"250")

    async def send_large(self, message: bytes) -> None:
        """The same, no faster than the server takes it."""
        await self._begin()
        for start in range(0, len(message), SLICE):
            self._writer.write(message[start : start + SLICE])
            await self._writer.drain()
        await self._say(b".\r\n", b"250")

    async def close(self) -> None:
        await self._say(b"QUIT\r\n", b"221")
        self._writer.close()

    async def _begin(self) -> None:
        self._writer.write(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            await self._reply(code)

    async def _say(self, data: bytes, code: bytes) -> None:
        self._writer.write(data)
        await self._reply(code)

    async def _reply(self, code: bytes) -> None:
        while True:
            line = await self._reader.readline()
            if not line.startswith(code):
                raise Refused(line.decode("ascii", "replace").strip())
            if line[3:4] != b"-":
                return


async def run(port: int, *, messages: int, connections: int) -> float:
    """Returns: seconds."""
    waiting = letters(messages)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(_work(port, waiting))
    return time.perf_counter() - started


async def _work(port: int, waiting: Iterator[bytes]) -> None:
    client = await Client.open(port)
    for message in waiting:
        await client.send(message)
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args()
    print(uvloop.run(run(options.port, messages=options.messages, connections=options.connections)))


if __name__ == "__main__":
    main()
