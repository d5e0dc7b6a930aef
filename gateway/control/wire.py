"""The control protocol: one JSON request line, one JSON answer line, over a Unix socket that only its owner may open.

Both ends bind and connect through `/proc/self/fd`, because socket paths longer than 107 bytes do not fit (unix(7)).
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.control.asker import NO_SESSION, session_here

SOCKET: Final = "control.sock"
LINE_LIMIT: Final = 16 * 1024 * 1024  # bytes: an imported key ring is the largest thing said here
TIME_LIMIT_S: Final = 60


class Request(msgspec.Struct, frozen=True):
    """Ask for one operation of `gateway.control.operations` by its name. session: see `asker`."""

    call: str
    args: dict[str, Any]
    session: int = NO_SESSION

    def __repr__(self) -> str:
        """Without the arguments: one of them may be a password."""
        return f"Request({self.call!r})"


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`result` when `error` is empty; otherwise one sentence for the person and the exit status for the shell."""

    result: Any = None
    error: str = ""
    status: int = 1


class NoGateway(Exception):
    """Nothing listens on the control socket: open the store alone instead."""


class Refused(Exception):
    """The operation was not done; the text says why, in words for the person who asked. `status`: exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


@contextmanager
def short_path(data_dir: Path) -> Iterator[str]:
    """A path to the control socket that always fits into a socket address."""
    folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


async def ask(data_dir: Path, call: str, args: Mapping[str, Any]) -> Any:
    """Have the running gateway do `call`.

    Raises: NoGateway when none runs; Refused with the gateway's own words.
    """
    try:
        with short_path(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoGateway from error
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            writer.write(msgspec.json.encode(Request(call, dict(args), session_here())) + b"\n")
            await writer.drain()
            line = await reader.readline()
    except TimeoutError as error:
        raise Refused(f"the gateway did not answer within {TIME_LIMIT_S} s; look at its log", 75) from error
    except ConnectionError:  # it hung up on what it would not read, or it has just ended
        line = b""
    finally:
        writer.close()
    if not line:
        raise Refused("the gateway closed the control socket without an answer; look at its log", 75)
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error:
        raise Refused(answer.error, answer.status)
    return answer.result
