"""The next hop of the benchmark: takes mail over TLS as fast as Python can, and forgets it at once.

`python -m bench.sink --address A --port P --hostname H --certificate FILE --private-key FILE`. `XCOUNT` answers with
the number of messages taken so far, `XSESSIONS` with the number of sessions that handed any in.
"""

import argparse
import asyncio
import ssl
from typing import Final, cast

import uvloop

END: Final = b"\r\n.\r\n"
OFFERS: Final = ("PIPELINING", "SIZE 60000000", "8BITMIME", "ENHANCEDSTATUSCODES")


class Counts:
    """What has been taken, by all sessions."""

    def __init__(self) -> None:
        self.messages = 0
        self.sessions = 0


class Sink(asyncio.Protocol):
    """One session."""

    def __init__(self, hostname: str, context: ssl.SSLContext, counts: Counts) -> None:
        self._hostname = hostname
        self._context = context
        self._counts = counts
        self._buffer = bytearray()
        self._in_data = False
        self._is_secure = False
        self._is_counted = False
        self._transport: asyncio.Transport | None = None
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's do not inherit from it
        if not self._is_secure:
            self._say(f"220 {self._hostname} ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take_message() if self._in_data else self._take_command():
            pass

    def _take_message(self) -> bool:
        end = self._buffer.find(END)
        if end < 0:
            del self._buffer[: 1 - len(END)]  # a large message is not looked through again with each block
            return False
        del self._buffer[: end + len(END)]
        self._in_data = False
        self._counts.messages += 1
        self._counts.sessions += not self._is_counted
        self._is_counted = True
        self._say("250 2.0.0 Taken")
        return True

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        verb = bytes(self._buffer[:4]).upper()
        if verb == b"STAR":
            self._buffer.clear()
            self._say("220 2.0.0 Go ahead")
            self._upgrade = asyncio.get_running_loop().create_task(self._to_tls())
            return False
        del self._buffer[: end + 2]
        self._answer(verb)
        return True

    def _answer(self, verb: bytes) -> None:
        match verb:
            case b"EHLO":
                offers = OFFERS if self._is_secure else (*OFFERS, "STARTTLS")
                self._say("\r\n".join([f"250-{self._hostname}", *(f"250-{offer}" for offer in offers), "250 HELP"]))
            case b"DATA":
                self._in_data = True
                self._say("354 Go on")
            case b"QUIT":
                self._say("221 2.0.0 Bye")
                if self._transport:
                    self._transport.close()
            case b"XCOU":
                self._say(f"250 {self._counts.messages}")
            case b"XSES":
                self._say(f"250 {self._counts.sessions}")
            case _:
                self._say("250 2.0.0 OK")

    async def _to_tls(self) -> None:
        assert self._transport
        self._is_secure = True
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, self._context, server_side=True)
        except (OSError, ssl.SSLError):
            return  # the client gave up
        assert transport
        self._transport = transport

    def _say(self, text: str) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(text.encode() + b"\r\n")


async def serve(options: argparse.Namespace) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.certificate, options.private_key)
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Sink(options.hostname, context, counts), options.address, options.port, backlog=512
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--hostname", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--private-key", required=True)
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
