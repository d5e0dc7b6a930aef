"""A next hop for tests: a small blocking SMTP server, a thread for each session, that keeps every byte it is given.

It shares no line with our client. What it does beyond taking mail is said by its `Behaviour`.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from gateway.demo.authority import Identity

IDLE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """identity: certificate for STARTTLS, None when none is offered. replies: verb to reply instead of the usual one.

    A reply to STARTTLS other than 220 leaves the session in clear.
    """

    identity: Identity | None = None
    replies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message. tls: protocol version, empty when it came in clear."""

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    tls: str


class NextHop:
    """Listens from the constructor until `close`. clear: all bytes received outside TLS; arrivals: what was taken."""

    def __init__(self, hostname: str, address: str, port: int, behaviour: Behaviour) -> None:
        self.hostname = hostname
        self.behaviour = behaviour
        self.clear = bytearray()
        self.arrivals: list[Arrival] = []
        self.arrived = threading.Condition()
        self._context = _server_context(behaviour.identity)
        self._listener = socket.create_server((address, port), backlog=200)
        self._sessions: dict[_Session, threading.Thread] = {}
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening and end all sessions."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._listener.close()
        for session, thread in self._sessions.items():
            session.end()
            thread.join(10)

    def wait_for(self, text: bytes, *, timeout_s: float = 15) -> Arrival:
        """The first message that contains a text. Raises: AssertionError when none comes in time."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.find(text), timeout_s), (
                f"{self.hostname}: {text!r} did not arrive"
            )
            found = self.find(text)
        assert found is not None
        return found

    def find(self, text: bytes) -> Arrival | None:
        return next((arrival for arrival in list(self.arrivals) if text in arrival.content), None)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            connection.settimeout(IDLE_S)
            session = _Session(self, connection, self._context)
            self._sessions[session] = threading.Thread(target=session.run)
            self._sessions[session].start()


class _Session:
    def __init__(self, hop: NextHop, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        self._hop = hop
        self._connection = connection
        self._context = context
        self._input: BinaryIO = connection.makefile("rb")
        self._tls = ""
        self._mail_from = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        try:
            self._say(f"220 {self._hop.hostname} ESMTP")
            while line := self._read_line():
                if not self._answer(line.rstrip(b"\r\n").decode("utf-8", "replace")):
                    break
        except OSError:
            pass  # the client, or the handshake, ended the session
        finally:
            self._input.close()
            self._connection.close()

    def end(self) -> None:
        """Called from another thread: `run` returns soon."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, line: str) -> bool:
        verb = line.split(" ", 1)[0].upper()
        reply = self._hop.behaviour.replies.get(verb)
        if reply is not None:
            self._say(reply)
            return True
        match verb:
            case "EHLO":
                offers = ["PIPELINING", "8BITMIME", "SIZE 60000000", "ENHANCEDSTATUSCODES"]
                offers += ["STARTTLS"] if self._offers_tls else []
                lines = [self._hop.hostname, *offers]
                self._say("\r\n".join(f"250{'-' if text != lines[-1] else ' '}{text}" for text in lines))
            case "STARTTLS" if self._context is not None:
                self._say("220 2.0.0 Go ahead")
                self._upgrade(self._context)
            case "MAIL":
                self._mail_from, self._recipients = _path(line), []
                self._say("250 2.1.0 OK")
            case "RCPT":
                self._recipients.append(_path(line))
                self._say("250 2.1.5 OK")
            case "DATA":
                self._say("354 Go on")
                self._take()
            case "QUIT":
                self._say("221 2.0.0 Bye")
                return False
            case "RSET" | "NOOP":
                self._say("250 2.0.0 OK")
            case _:
                self._say("502 5.5.1 Unknown")
        return True

    @property
    def _offers_tls(self) -> bool:
        return not self._tls and (self._context is not None or "STARTTLS" in self._hop.behaviour.replies)

    def _take(self) -> None:
        lines = []
        while (line := self._read_line()) != b".\r\n":
            if not line:
                return None  # the client is gone, and with it the message
            lines.append(line[1:] if line.startswith(b".") else line)
        refusal = self._hop.behaviour.replies.get(".")
        if refusal is not None:
            return self._say(refusal)
        arrival = Arrival(
            mail_from=self._mail_from, recipients=tuple(self._recipients), content=b"".join(lines), tls=self._tls
        )
        with self._hop.arrived:
            self._hop.arrivals.append(arrival)
            self._hop.arrived.notify_all()
        return self._say("250 2.0.0 Taken")

    def _upgrade(self, context: ssl.SSLContext) -> None:
        self._input.close()
        self._connection = context.wrap_socket(self._connection, server_side=True)
        self._input = self._connection.makefile("rb")
        self._tls = self._connection.version() or "TLS"

    def _read_line(self) -> bytes:
        line = self._input.readline(1 << 20)
        if not self._tls:
            self._hop.clear += line
        return line

    def _say(self, text: str) -> None:
        self._connection.sendall(text.encode() + b"\r\n")


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _server_context(identity: Identity | None) -> ssl.SSLContext | None:
    if identity is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.private_key)
    return context
