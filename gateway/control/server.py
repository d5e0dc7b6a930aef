"""The gateway's end of the control socket: mode 0600, one request a connection.

The kernel keeps others out by that mode; whoever comes in all the same, because a folder was made too open, is asked
for his uid, refused and recorded (ID-12): here one can read, retry and release everybody's mail.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from gateway.control.asker import asker_of
from gateway.control.operations import Operations
from gateway.control.wire import LINE_LIMIT, SOCKET, TIME_LIMIT_S, Answer, Refused, Request, short_path
from gateway.log import get_logger
from gateway.store.errors import StoreError

CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
STOP_S: Final = 2  # operations take milliseconds; only passwords are hashed for longer

log = get_logger("control")


class ControlServer:
    """Serves operations until `stop`; the socket's file goes with it."""

    def __init__(self, data_dir: Path, operations: Operations, *, owners: Collection[int] = ()) -> None:
        """owners: uids that may ask; by default our own and root."""
        self._data_dir = data_dir
        self._operations = operations
        self._owners = owners or {os.geteuid(), 0}
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind the socket. The store's lock is held already, so a file that lies there is a dead gateway's."""
        (self._data_dir / SOCKET).unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with short_path(self._data_dir) as path:
                self._server = await asyncio.start_unix_server(self._connected, path, limit=LINE_LIMIT)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Let what is being done finish for STOP_S; who has not asked for anything yet is hung up on."""
        if self._server:
            self._server.close()
        if self._sessions:
            _, late = await asyncio.wait(self._sessions, timeout=STOP_S)
            for session in late:
                session.cancel()
        (self._data_dir / SOCKET).unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                pid, uid = _peer(writer)
                answer = await self._refuse_stranger(uid) or await self._answer(await reader.readline(), pid, uid)
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            log.warning("control connection dropped")
        finally:
            writer.close()

    async def _refuse_stranger(self, uid: int) -> Answer | None:
        if uid in self._owners:
            return None
        log.warning("control connection refused", uid=uid)
        with suppress(StoreError):
            await self._operations.note_stranger(uid)
        return Answer(error="only the gateway's own user and root may ask this", status=77)

    async def _answer(self, line: bytes, pid: int, uid: int) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last two are none of msgspec's own
            return Answer(error="the control request is not one this gateway understands", status=2)
        try:
            asker = asker_of(pid, uid, said=request.session)
            return Answer(result=await self._operations.perform(request.call, request.args, asker=asker))
        except Refused as refused:
            return Answer(error=str(refused), status=refused.status)
        except Exception:
            log.exception("control operation failed", call=request.call)
            return Answer(error=f"{request.call} failed inside the gateway; look at its log", status=75)


def _peer(writer: asyncio.StreamWriter) -> tuple[int, int]:
    """Process and user at the other end, as the kernel took them down when it connected."""
    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    pid, uid, _ = CREDENTIALS.unpack(found)
    return pid, uid
