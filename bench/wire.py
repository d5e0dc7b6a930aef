"""Clients as cheap as Python can make them, so that the server is what is measured: one process, epoll, raw sockets.

`python -m bench.wire connect|messages|lockstep|large --port P --parallel C (--count N | --seconds S)` prints a `Spent`
as one line of JSON. Everything that is sent is made before the clock starts.
"""

import argparse
import json
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Final

from bench.letters import RECIPIENT, SENDER, large_message, letters

BLOCK: Final = 64 * 1024
QUIET_S: Final = 120  # a server that says nothing for so long has failed
MORE: Final = ord("-")  # of a reply, RFC 5321 section 4.2.1
GOOD: Final = frozenset(b"23")  # first digits
POOL: Final = 500  # letters made before the clock starts
LARGE: Final = 25_000_000  # octets


@dataclass(frozen=True, slots=True)
class Step:
    """What to send, and how many replies to wait for then."""

    data: bytes
    replies: int


HELLO: Final = (Step(b"", 1), Step(b"EHLO client.clinic.example\r\n", 1))
GOODBYE: Final = Step(b"QUIT\r\n", 1)
MAIL: Final = f"MAIL FROM:<{SENDER}>\r\n".encode()
RCPT: Final = f"RCPT TO:<{RECIPIENT}>\r\n".encode()
DATA: Final = b"DATA\r\n"
ONE_BY_ONE: Final = (Step(MAIL, 1), Step(RCPT, 1), Step(DATA, 1))
PIPELINED: Final = (Step(MAIL + RCPT + DATA, 3),)  # RFC 2920


class Refused(Exception):
    """The server did not want it, or went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """done: connections or messages. cpu_s: of this process."""

    done: int
    seconds: float
    cpu_s: float


class Talk:
    """One connection and what is left of its steps."""

    __slots__ = ("_awaited", "_buffer", "_offers_pipelining", "_pending", "_steps", "socket")

    def __init__(self, port: int, script: "Script") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._steps = script(self)
        self._buffer = b""
        self._pending = memoryview(b"")
        self._offers_pipelining = False
        self._awaited = 0
        self._next()

    @property
    def begin(self) -> tuple[Step, ...]:
        """The steps to 354, all at once when the server's EHLO allows it."""
        return PIPELINED if self._offers_pipelining else ONE_BY_ONE

    def write(self) -> bool:
        """Send what the kernel takes. Returns: whether some is left."""
        try:
            self._pending = self._pending[self.socket.send(self._pending) :]
        except BlockingIOError:
            return True
        return bool(self._pending)

    def read(self) -> bool:
        """Take replies; the next step begins when all are there. Returns: whether the connection goes on."""
        chunk = self.socket.recv(BLOCK)
        if not chunk:
            if self._awaited:
                raise Refused("the server closed the connection")
            return False
        self._buffer += chunk
        start = 0
        while (end := self._buffer.find(b"\n", start)) >= 0:
            self._take(self._buffer[start:end])
            start = end + 1
        self._buffer = self._buffer[start:]
        if not self._awaited:
            self._next()
        return True

    @property
    def has_more_to_send(self) -> bool:
        return bool(self._pending)

    def _take(self, line: bytes) -> None:
        if line[0] not in GOOD:
            raise Refused(line.decode("ascii", "replace").strip())
        self._offers_pipelining |= line[4:].rstrip() == b"PIPELINING"
        self._awaited -= line[3] != MORE

    def _next(self) -> None:
        step = next(self._steps, None)  # none after QUIT: the server closes
        if step is not None:
            self._awaited = step.replies
            self._pending = memoryview(step.data)
            if step.data:
                self.write()


Script = Callable[[Talk], Iterator[Step]]


class Turns:
    """An iterator that all connections share. limit: how many; seconds: from the first one on. done: given out."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.done = 0
        self.limit = limit
        self._seconds = seconds
        self._end = 0.0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        now = time.perf_counter()
        self._end = self._end or now + self._seconds
        if self.done >= self.limit or now >= self._end:
            raise StopIteration
        self.done += 1
        return self.done


def connect(_: Turns) -> Script:
    """Connect, EHLO, QUIT; a turn, here as below shared by all connections, is one of them."""

    def script(_: Talk) -> Iterator[Step]:
        yield from HELLO
        yield GOODBYE

    return script


def messages(turns: Turns) -> Script:
    """Messages of 5 kB over kept connections; MAIL, RCPT and DATA in one segment where PIPELINING is offered."""
    ready = _letters(turns)
    return lambda talk: _kept(turns, lambda: (*talk.begin, Step(next(ready), 1)))


def lockstep(turns: Turns) -> Script:
    """The same, with every command sent after the reply to the one before, to every server."""
    ready = _letters(turns)
    return lambda _: _kept(turns, lambda: (*ONE_BY_ONE, Step(next(ready), 1)))


def large(turns: Turns, octets: int) -> Script:
    """Large messages over kept connections, nearly all of them an attachment in base64."""
    message = large_message(octets) + b".\r\n"
    return lambda talk: _kept(turns, lambda: (*talk.begin, Step(message, 1)))


def _letters(turns: Turns) -> Iterator[bytes]:
    return cycle([letter + b".\r\n" for letter in letters(min(POOL, turns.limit))])


def _kept(turns: Turns, steps: Callable[[], tuple[Step, ...]]) -> Iterator[Step]:
    yield from HELLO
    for _ in turns:
        yield from steps()
    yield GOODBYE


SMALL: Final[Mapping[str, Callable[[Turns], Script]]] = {
    "connect": connect, "messages": messages, "lockstep": lockstep
}  # fmt: skip
WORKS: Final = (*SMALL, "large")


def run(port: int, name: str, *, parallel: int, limit: int, seconds: float = 3600.0, octets: int = LARGE) -> Spent:
    """Do this work over so many connections at once. octets: of a large message. Raises: Refused, OSError."""
    turns = Turns(limit, seconds)
    script = large(turns, octets) if name == "large" else SMALL[name](turns)
    started, cpu = time.perf_counter(), time.process_time()
    with select.epoll() as poll:
        Crowd(port, script, turns if name == "connect" else iter(range(parallel)), poll).run(parallel)
    return Spent(done=turns.done, seconds=time.perf_counter() - started, cpu_s=time.process_time() - cpu)


class Crowd:
    """All connections of one client. to_open: one for each connection to open."""

    def __init__(self, port: int, script: Script, to_open: Iterator[int], poll: select.epoll) -> None:
        self._port = port
        self._script = script
        self._to_open = to_open
        self._poll = poll
        self._talks: dict[int, Talk] = {}

    def run(self, parallel: int) -> None:
        """Keep so many open until there are no more to open and the last one is closed."""
        try:
            for _ in range(parallel):
                self._open()
            while self._talks:
                events = self._poll.poll(QUIET_S)
                if not events:
                    raise Refused("the server says nothing")
                for number, mask in events:
                    self._act(number, mask)
        finally:
            for talk in self._talks.values():
                talk.socket.close()

    def _open(self) -> None:
        if next(self._to_open, None) is not None:
            talk = Talk(self._port, self._script)
            self._talks[talk.socket.fileno()] = talk
            self._poll.register(talk.socket, select.EPOLLIN)

    def _act(self, number: int, mask: int) -> None:
        talk = self._talks[number]
        if mask & select.EPOLLOUT and not talk.write():
            self._poll.modify(number, select.EPOLLIN)
        if not mask & ~select.EPOLLOUT:
            return
        if not talk.read():
            talk.socket.close()  # epoll forgets it by itself
            del self._talks[number]
            self._open()
        elif talk.has_more_to_send:
            self._poll.modify(number, select.EPOLLIN | select.EPOLLOUT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--octets", type=int, default=LARGE, help="of a large message")
    given = parser.parse_args()
    spent = run(
        given.port,
        given.work,
        parallel=given.parallel,
        limit=given.count,
        seconds=given.seconds,
        octets=given.octets,
    )
    print(json.dumps(asdict(spent)))


if __name__ == "__main__":
    main()
