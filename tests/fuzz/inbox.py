"""Lines and whole sessions, driven through asyncio as the event loop would, without a socket."""

import asyncio
import base64
import re
import ssl
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Final, TypeVar

import trustme

from gateway.intake import replies
from gateway.intake.door import Door, Services
from gateway.intake.errors import HangUpError, PeerGoneError, RefusedError
from gateway.intake.inbox import Inbox
from gateway.intake.limits import Deadlines
from gateway.intake.listeners import Intake
from gateway.intake.observer import NoObserver
from gateway.intake.protocol import SmtpSession
from tests.fuzz.target import Target, pieces, split_choice
from tests.fuzz.words import FALSE_ENDS, LINE_ENDS, LOGIN, MAIL_AT_ONCE, VERBS
from tests.gateway.intake.harness import HOST, PASSWORD, USER, Backend, make_listener, write_certificate

T = TypeVar("T")

LINE_LIMIT: Final = 40
MOST_TICKS: Final = 1_000  # of the loop between two pieces
REPLY: Final = re.compile(rb"(?:[2-5][0-9]{2}-[ -~]*\r\n)*[2-5][0-9]{2}(?: [ -~]*)?\r\n")
EARLY: Final = f"{replies.TALKED_TOO_EARLY}\r\n".encode()
KINDS: Final = ("relay", "relay-repair", "submissions", "submission")

_runner: Final = asyncio.Runner()
_folder: Final = tempfile.TemporaryDirectory(prefix="fuzz-")


def run(work: Coroutine[Any, Any, T]) -> T:
    """One loop for all inputs: making one takes longer than most of them."""
    return _runner.run(work)


async def feed_slowly(inbox: Inbox, task: "asyncio.Task[Any]", parts: Sequence[bytes]) -> None:
    """Hand over each piece when what came before it has been dealt with; then the peer ends."""
    for part in (*parts, None):
        for _ in range(MOST_TICKS):
            if task.done() or inbox._waiter is not None:
                break
            await asyncio.sleep(0)
        if part is None:
            inbox.end()
        else:
            inbox.feed(part)
    await task


def lines(data: bytes) -> None:
    """SM-13: whole or octet by octet, the same lines and the same refusals; none is longer than the limit."""
    choice, sent = split_choice(data)
    reads_commands = bool(choice & 1)
    results = [run(_lines(sent, size, reads_commands=reads_commands)) for size in (0, 1, 5)]
    assert results[0] == results[1] == results[2]
    for line in results[0]:
        assert isinstance(line, str) or (len(line) <= LINE_LIMIT and b"\n" not in line)


async def _lines(sent: bytes, size: int, *, reads_commands: bool) -> list[bytes | str]:
    """What an inbox gives; a refusal as its reply."""
    inbox, read = Inbox(), list[bytes | str]()

    async def take() -> None:
        try:
            while True:
                try:
                    read.append(
                        await inbox.command(LINE_LIMIT, inf)
                        if reads_commands
                        else await inbox.line(LINE_LIMIT, replies.LINE_TOO_LONG, inf)
                    )
                except HangUpError:
                    raise
                except RefusedError as refused:
                    read.append(str(refused.reply))
        except HangUpError as end:
            read.append(f"closed: {end.reply}")
        except PeerGoneError:
            return

    await feed_slowly(inbox, asyncio.get_running_loop().create_task(take()), tuple(pieces(sent, size)))
    return read


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def session(data: bytes) -> None:
    """Whatever a client says and however it is cut: only well-formed replies, no fault of ours, and no message that
    was not asked for (SM-01 to SM-17, SA-01, SA-07). Whole or octet by octet the same, up to where bytes came early.
    """
    choice, sent = split_choice(data)
    kind = KINDS[choice % len(KINDS)]
    whole, octets = (run(talk(kind, tuple(pieces(sent, size)))) for size in (0, 1))
    if whole[0].endswith(EARLY):
        assert octets[0].startswith(whole[0].removesuffix(EARLY))
        assert octets[1][: len(whole[1])] == whole[1]
    else:
        assert octets == whole
    for text, messages in (whole, octets):
        assert re.fullmatch(rb"(?:%b)*" % REPLY.pattern, text)
        assert b" 4.3.0 Local error" not in text, text
        assert text.count(b"250 2.0.0 Queued as ") == len(messages)
        for message in messages:
            assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")
            assert b"\0" not in message
        assert len(messages) <= sent.upper().count(b"DATA")


async def talk(kind: str, parts: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """One session. Returns: all that the client is told, and the messages that were taken."""
    doors, backend = listening()
    backend.messages.clear()
    session = SmtpSession(doors[kind], "127.0.0.1", 40000)
    if kind == "submissions":
        session.tls_version, session.tls_cipher = "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    pipe = Pipe()
    session.connection_made(pipe)
    task = asyncio.get_running_loop().create_task(session.serve())
    await feed_slowly(session.inbox, task, parts)
    return bytes(pipe.written), [message for _, message in backend.messages]


@cache
def listening() -> tuple[Mapping[str, Door], Backend]:
    """The doors of KINDS as the gateway makes them, on no socket; STARTTLS fails in its handshake."""
    backend, folder = Backend(), Path(_folder.name)
    services = Services(
        submit=backend.submit, may_accept=backend.may_accept, verifier=backend, account=backend.account,
        note_use=backend.note_use, observer=NoObserver(),
    )  # fmt: skip
    limits = {"message_size": 1000}
    relay: dict[str, Any] = {"trusted_networks": ["127.0.0.0/8"], "require_tls": False, "limits": limits}
    intake = Intake(
        [
            make_listener("relay", **relay),
            make_listener("relay", **relay, line_endings="repair"),
            make_listener("submissions", limits=limits),
            make_listener("submission", limits=limits),
        ],
        write_certificate(trustme.CA(), folder),
        services,
        hostname=HOST,
        domains={"clinic.example"},
        data_dir=folder,
        deadlines=Deadlines(linger_s=0.0, quiet_s=0.0),
    )
    doors = (replace(door, tls=_no_tls) for door in intake._doors)
    return dict(zip(KINDS, doors, strict=True)), backend


def _no_tls() -> ssl.SSLContext:
    raise ConnectionAbortedError


TARGETS: Final[Mapping[str, Target]] = {
    "inbox": Target(
        run=lines,
        words=LINE_ENDS,
        seeds=(
            b"\0NOOP\r\nQUIT\r\n",
            b"\x01" + b"x" * 40 + b"\r\nNOOP\r\n",
            b"\0" + b"x" * 99 + b"\r\nNOOP\r\n",
            b"\x01\x16\x03\x01\n",
            b"\0a\nb\r\n",
        ),
    ),
    "session": Target(
        run=session,
        words=(*VERBS, *FALSE_ENDS, LOGIN),
        seeds=(
            b"\0" + MAIL_AT_ONCE,
            b"\0" + MAIL_AT_ONCE + b"Subject: x\r\n\r\nx\r\n.\r\n",
            b"\0POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x02EHLO c\r\nAUTH PLAIN "
            + LOGIN
            + b"\r\nMAIL FROM:<joe@clinic.example>\r\nRCPT TO:<b@x.example> NOTIFY=NEVER\r\nRSET\r\nQUIT\r\n",
            b"\x02EHLO c\r\nAUTH LOGIN\r\n"
            + base64.b64encode(USER.encode())
            + b"\r\n"
            + base64.b64encode(PASSWORD.encode())
            + b"\r\nNOOP\r\n",
            b"\x03EHLO c\r\nSTARTTLS\r\nMAIL FROM:<joe@clinic.example>\r\n",
            b"\x01" + MAIL_AT_ONCE,
            b"\0\x16\x03\x01\0\xa5\x01\0",
        ),
    ),
}
