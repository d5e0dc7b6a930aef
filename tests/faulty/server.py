"""An SMTP server on loopback that does what its script says and writes down what it got, and how.

A `Script` is one connection: for each verb a reaction, or `Turns` of which the n-th time takes the n-th (the last
repeats). `FaultyServer` takes one script for each connection in turn (the last repeats). Pseudo-verbs: BANNER,
EHLO-TLS (EHLO inside TLS), DOT (the end of a message). BDAT is for chunks before the last; a script that answers it
with 50x reads them as commands, as a server does that has never heard of it.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Stall:
    """Say nothing, for ever."""


@dataclass(frozen=True)
class Wait:
    """Say nothing until the test sets `go`."""


@dataclass(frozen=True)
class Reset:
    """Send a TCP reset."""


@dataclass(frozen=True)
class Close:
    """Close the connection."""


@dataclass(frozen=True)
class Raw:
    """Send these bytes as they are."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """A tarpit: send this over and over, with a pause after each."""

    data: bytes
    pause_s: float


@dataclass(frozen=True)
class Upgrade:
    """Answer 220, then behave as a TLS server; `tail` is sent in the same segment as the 220."""

    tail: bytes = b""


@dataclass(frozen=True)
class Alert:
    """Answer 220, then refuse the ClientHello with this alert (RFC 8446 section 6): 40 handshake, 70 version."""

    description: int


@dataclass(frozen=True)
class Babble:
    """Answer 220, then talk clear text where the handshake should be."""


@dataclass(frozen=True)
class Turns:
    """A reaction for each time."""

    reactions: tuple["Reaction", ...]


Reaction = (
    str | Stall | Wait | Reset | Close | Raw | Drip | Upgrade | Alert | Babble | tuple["Reaction", ...]
)  # str: a reply line

EXTENSIONS = ("8BITMIME", "PIPELINING", "SIZE 100000000", "ENHANCEDSTATUSCODES", "DSN")
USUAL: Mapping[str, Reaction] = {
    "BANNER": "220 faulty.example ESMTP",
    "HELO": "250 faulty.example",
    "STARTTLS": Upgrade(),
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "RSET": "250 2.0.0 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 taken",
    "BDAT": "250 2.0.0 chunk",
    "AUTH": "235 2.7.0 you are in",
    "QUIT": ("221 2.0.0 bye", Close()),
}


@dataclass(frozen=True, kw_only=True)
class Script:
    """tls: None offers no STARTTLS. extensions: of EHLO. does: reactions that differ from the usual ones."""

    tls: ssl.SSLContext | None = None
    extensions: Sequence[str] = EXTENSIONS
    does: Mapping[str, Reaction | Turns] = field(default_factory=dict)


@dataclass
class Message:
    """What arrived whole. tls: the protocol version, empty in clear."""

    mail_from: str
    recipients: list[str]
    data: bytes
    tls: str
    connection: int


@dataclass
class Command:
    """One line that the client sent. tls: the protocol version, empty in clear."""

    connection: int
    line: bytes
    tls: str


class FaultyServer:
    """`async with FaultyServer(Script(...)) as server`. Read `messages`, `commands`, `connections` afterwards."""

    def __init__(self, *scripts: Script, host: str = "127.0.0.1", port: int = 0) -> None:
        """host: any address of 127.0.0.0/8. port: 0 lets the system choose."""
        self.host = host
        self.port = port
        self.messages: list[Message] = []
        self.commands: list[Command] = []
        self.connections = 0
        self.stalled = asyncio.Event()  # set whenever a Stall or a Wait is reached
        self.go = asyncio.Event()
        self._news = asyncio.Event()
        self._scripts = scripts or (Script(),)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def verbs(self, connection: int | None = None) -> list[str]:
        """The verbs of all commands in order, or of one connection (from 1)."""
        chosen = [one for one in self.commands if connection in (None, one.connection)]
        return [one.line.split(b" ")[0].decode("latin-1").upper() for one in chosen]

    def note(self, command: Command) -> None:
        """Write down what a client said."""
        self.commands.append(command)
        self._news.set()

    async def heard(self, verb: str) -> None:
        """Wait until a client says this."""
        while verb not in self.verbs():
            self._news.clear()
            await self._news.wait()

    def in_clear(self) -> list[bytes]:
        """What was said without TLS."""
        return [one.line for one in self.commands if not one.tls]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        script = self._scripts[min(self.connections, len(self._scripts)) - 1]
        try:
            await _Connection(self, self.connections, script, reader, writer).run()
        except (OSError, EOFError, asyncio.CancelledError):
            writer.transport.abort()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()


class _Gone(EOFError):
    """The script ended the connection."""


class _Connection:
    def __init__(
        self,
        server: FaultyServer,
        number: int,
        script: Script,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._number = number
        self._script = script
        self._reader = reader
        self._writer = writer
        self._times: dict[str, int] = {}
        self._sender = ""
        self._recipients: list[str] = []
        self._chunks: list[bytes] = []

    @property
    def _tls(self) -> str:
        session: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return "" if session is None else session.version() or ""

    async def run(self) -> None:
        await self._react("BANNER")
        while line := await self._reader.readline():
            line = line.removesuffix(b"\r\n")
            self._server.note(Command(self._number, line, self._tls))
            verb = line.split(b" ")[0].split(b":")[0].decode("latin-1").upper()
            match verb:
                case "EHLO":
                    await self._react("EHLO-TLS" if self._tls else "EHLO")
                case "MAIL":
                    self._sender, self._recipients, self._chunks = _path(line), [], []
                    await self._react("MAIL")
                case "RCPT":
                    if (await self._react("RCPT")).startswith("2"):
                        self._recipients.append(_path(line))
                case "DATA":
                    if (await self._react("DATA")).startswith("354"):
                        await self._take_message()
                case "BDAT":
                    await self._take_chunk(line)
                case _:
                    await self._react(verb)

    async def _take_chunk(self, line: bytes) -> None:
        """RFC 3030 section 2."""
        words = line.upper().split()
        if _reply(self._script.does.get("BDAT", "")).startswith("50"):
            await self._react("BDAT")
            return
        self._chunks.append(await self._reader.readexactly(int(words[1])))
        if words[2:] != [b"LAST"]:
            await self._react("BDAT")
            return
        data, self._chunks = b"".join(self._chunks), []
        await self._end_message(data)

    async def _take_message(self) -> None:
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line.removeprefix(b"."))
        await self._end_message(b"".join(lines))

    async def _end_message(self, data: bytes) -> None:
        reaction = self._next("DOT")
        if _reply(reaction).startswith("2"):
            message = Message(self._sender, self._recipients, data, self._tls, self._number)
            self._server.messages.append(message)
        await self._do(reaction)

    async def _react(self, verb: str) -> str:
        """Do what the script says. Returns: the reply line, empty when there was none."""
        reaction = self._next(verb)
        await self._do(reaction)
        return _reply(reaction)

    def _next(self, verb: str) -> Reaction:
        self._times[verb] = time = self._times.get(verb, 0) + 1
        reaction = self._script.does.get(verb, self._usual(verb))
        if isinstance(reaction, Turns):
            return reaction.reactions[min(time, len(reaction.reactions)) - 1]
        return reaction

    def _usual(self, verb: str) -> Reaction:
        if verb in ("EHLO", "EHLO-TLS"):
            offers = [*self._script.extensions, *(["STARTTLS"] if self._script.tls and verb == "EHLO" else [])]
            lines = ["faulty.example", *offers]
            return Raw(b"".join(f"250{'-' if n < len(lines) else ' '}{t}\r\n".encode() for n, t in enumerate(lines, 1)))
        return USUAL.get(verb, "502 5.5.1 unknown command")

    async def _do(self, reaction: Reaction) -> None:
        match reaction:
            case str():
                self._writer.write(reaction.encode() + b"\r\n")
            case tuple():
                for part in reaction:
                    await self._do(part)
            case Raw(data):
                self._writer.write(data)
            case Drip(data, pause_s):
                while True:
                    self._writer.write(data)
                    await self._writer.drain()
                    await asyncio.sleep(pause_s)
            case Stall() | Wait():
                self._server.stalled.set()
                await (self._server.go if isinstance(reaction, Wait) else asyncio.Event()).wait()
            case Reset() | Close():
                await self._end(is_reset=isinstance(reaction, Reset))
            case Upgrade() | Alert() | Babble():
                await self._begin_tls(reaction)

    async def _end(self, *, is_reset: bool) -> None:
        if is_reset:
            peer: socket.socket = self._writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            await self._writer.drain()
            self._writer.close()
        raise _Gone

    async def _begin_tls(self, how: Upgrade | Alert | Babble) -> None:
        match how:
            case Upgrade(tail):
                await self._upgrade(tail)
            case Alert(description):
                await self._answer_hello(bytes((21, 3, 3, 0, 2, 2, description)))
                raise _Gone
            case Babble():
                await self._answer_hello(b"250 what was that?\r\n" * 20)

    async def _answer_hello(self, data: bytes) -> None:
        self._writer.write(b"220 go ahead\r\n")
        hello = await self._reader.read(65_536)
        if hello:
            self._writer.write(data)
            await self._writer.drain()
            await self._reader.read()  # until the client leaves

    async def _upgrade(self, tail: bytes) -> None:
        self._writer.write(b"220 go ahead\r\n" + tail)
        await self._writer.drain()
        if self._script.tls is None:
            raise _Gone
        try:
            await self._writer.start_tls(self._script.tls)
        except ssl.SSLError as error:
            raise _Gone from error


def _reply(reaction: Reaction | Turns) -> str:
    """The reply line that a reaction begins with."""
    match reaction:
        case str():
            return reaction
        case (Wait(), *rest):
            return _reply(tuple(rest))
        case (first, *_):
            return _reply(first)
        case _:
            return ""


def _path(line: bytes) -> str:
    return line.decode().partition("<")[2].partition(">")[0]
