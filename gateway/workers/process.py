"""The parent's side of one child: start it, give it one job at a time, end it when it misbehaves.

The socketpair is an asyncio transport, so nothing here blocks the loop. The child's death is seen as the end of that
socket: the child cannot fork, hence nobody else holds its end.
"""

import array
import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from typing import Final, cast

from gateway.workers.errors import ChildCrashed, ChildTimeout, WorkerError
from gateway.workers.frames import ANSWER, HEADER_MAX, INLINE_MAX, REQUEST, Place, Status
from gateway.workers.limits import Limits
from gateway.workers.spawn import memory_file, spawn

_END_WAIT_S: Final = 10.0  # a killed process that is not gone by then hangs in the kernel


def _close_result(written: asyncio.Future[int]) -> None:
    """Close the file of a job that was given up while it was written."""
    if not written.cancelled() and written.exception() is None:
        os.close(written.result())


class Child(asyncio.Protocol):
    """One child process. `is_idle` tells whether it takes a job; `over` is done once it must not be used any more."""

    def __init__(
        self,
        limits: Limits,
        on_idle: Callable[["Child"], None] = lambda _: None,
        accepts: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self.jobs = 0  # answered so far
        self.held: tuple[str, ...] = ()  # layers of confinement, from its first answer
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[WorkerError | None] = loop.create_future()
        self._loop = loop
        self._limits = limits
        self._on_idle = on_idle
        self._accepts = accepts  # is the answer to a job well-formed
        self._is_up = False
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None  # our end once more, for descriptors

    @property
    def pid(self) -> int:
        """The process id, 0 before `start`."""
        return self._process.pid if self._process else 0

    @property
    def is_idle(self) -> bool:
        """Whether it is alive and has nothing to do."""
        return self._answer is None and not self.over.done()

    async def start(self, module: str, setup: bytes = b"") -> None:
        """Start `python -m module`, hand it its setup, and wait for its first sign of life.

        Raises: WorkerError or OSError when it does not come up; the process is then gone already.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = spawn(module, theirs.fileno(), self._limits, setup)
            except OSError:
                ours.close()
                raise
        hello = self._expect(self._limits.start_s)
        try:
            self._socket = ours.dup()
            ours.setblocking(False)
            await self._loop.create_unix_connection(lambda: self, sock=ours)
            self.held = tuple((await hello).decode("ascii", "replace").split())
        except BaseException:
            hello.cancel()
            await self.stop()
            raise
        self._is_up = True
        self.jobs = 0  # that was none

    async def give(self, header: bytes, blob: bytes) -> asyncio.Future[bytes]:
        """Begin one job on an idle child.

        header: at most HEADER_MAX bytes, for the handler. blob: any size.
        Returns: the answer to come; it raises ChildCrashed or ChildTimeout. Cancelling it leaves the child at work.
        Raises: ValueError for a longer header; OSError when a memory file cannot be made.
        """
        if len(header) > HEADER_MAX:
            raise ValueError("header too long")
        if len(blob) <= INLINE_MAX:
            answer = self._expect(self._limits.wall_s)
            if self._transport is not None:
                self._transport.write(b"".join((REQUEST.pack(len(header), len(blob), Place.INLINE), header, blob)))
            return answer
        fd = await self._memory_file(blob)
        try:
            answer = self._expect(self._limits.wall_s)
            self._send_descriptor(REQUEST.pack(len(header), len(blob), Place.MEMORY_FILE) + header, fd)
        finally:
            os.close(fd)
        return answer

    async def _memory_file(self, blob: bytes) -> int:
        writing = self._loop.run_in_executor(None, memory_file, blob)
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(_close_result)
            raise

    def _send_descriptor(self, frame: bytes, fd: int) -> None:
        """Past the transport, which cannot: an idle child's buffers are empty, so order is kept and it fits."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            sent = self._socket.sendmsg([frame], rights) if self._socket is not None else 0
        except OSError:
            sent = 0
        if sent != len(frame):
            self._fail(ChildCrashed("the child takes no job"))

    def _expect(self, limit_s: float) -> "asyncio.Future[bytes]":
        answer: asyncio.Future[bytes] = self._loop.create_future()
        if self.over.done():
            answer.set_exception(ChildCrashed("the child is gone"))
            return answer
        self._answer = answer
        self._timer = self._loop.call_later(limit_s, self._fail, ChildTimeout(f"no answer within {limit_s:g} s"))
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socketpair is attached."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports share no base with asyncio's

    def data_received(self, data: bytes) -> None:
        """asyncio: a piece of an answer; whatever does not fit the frame ends the child."""
        self._buffer += data
        if self._answer is None:
            self._fail(ChildCrashed("the child spoke unasked"))
            return
        if len(self._buffer) < ANSWER.size:
            return
        status, length = ANSWER.unpack_from(self._buffer)
        excess = len(self._buffer) - ANSWER.size - length
        if status == Status.FAILED:
            self._fail(ChildCrashed("the job raised an error in the child"))
        elif status != Status.DONE or length > self._limits.answer_bytes or excess > 0:
            self._fail(ChildCrashed("the answer breaks the frame"))
        elif excess == 0:
            self._deliver(bytes(memoryview(self._buffer)[ANSWER.size :]))

    def connection_lost(self, exc: Exception | None) -> None:  # asyncio's signature
        """asyncio: the child closed its end, which it does by dying."""
        self._fail(ChildCrashed("the child died"))

    def _deliver(self, body: bytes) -> None:
        if self._is_up and not self._accepts(body):
            self._fail(ChildCrashed("the answer is not one"))
            return
        answer, self._answer = self._answer, None
        self._buffer = bytearray()
        if self._timer is not None:
            self._timer.cancel()
        if answer is not None and not answer.done():
            answer.set_result(body)
        self.jobs += 1
        self._on_idle(self)

    def _fail(self, error: WorkerError) -> None:
        if not self.over.done():
            self.over.set_result(error)
        self._close()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def retire(self) -> None:
        """End an idle child whose work is done: no blame."""
        if not self.over.done():
            self.over.set_result(None)
        self._close()

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.kill()
        if self._transport is not None:
            self._transport.abort()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def stop(self) -> None:
        """Kill the process, whatever it does, and wait until it is gone, cancelled or not; a job in its hands fails."""
        self._fail(ChildCrashed("the child was stopped"))
        if self._process is None:
            return
        ending = self._loop.run_in_executor(None, self._process.wait, _END_WAIT_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:  # the pool stops while it buries one that died: nobody else waits for it
                await ending
                raise
