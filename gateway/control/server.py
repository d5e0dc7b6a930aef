"""The gateway's end of the control socket: mode 0600, one request a connection."""

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from gateway.control.operations import Operations
from gateway.control.wire import LINE_LIMIT, SOCKET, TIME_LIMIT_S, Answer, Refused, Request, short_path
from gateway.log import get_logger

STOP_S: Final = 2  # operations take milliseconds; only passwords are hashed for longer

log = get_logger("control")


class ControlServer:
    """Serves operations until `stop`; the socket's file goes with it."""

    def __init__(self, data_dir: Path, operations: Operations) -> None:
        self._data_dir = data_dir
        self._operations = operations
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
                answer = await self._answer(await reader.readline())
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            log.warning("control connection dropped")
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError:
            return Answer(error="the control request is not one this gateway understands", status=2)
        try:
            return Answer(result=await self._operations.perform(request.call, request.args))
        except Refused as refused:
            return Answer(error=str(refused), status=refused.status)
        except Exception:
            log.exception("control operation failed", call=request.call)
            return Answer(error=f"{request.call} failed inside the gateway; look at its log", status=75)
