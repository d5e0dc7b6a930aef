"""A child that does what its header says: the bad company of the tests."""

import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.workers.child import serve


def _segfault(_: memoryview) -> bytes:
    ctypes.string_at(0)
    return b""


def _loop(_: memoryview) -> bytes:
    while True:
        pass


def _sleep(_: memoryview) -> bytes:
    time.sleep(3600)
    return b""


def _eat_memory(_: memoryview) -> bytes:
    return bytes(10 * 1024**3)


def _garbage(_: memoryview) -> bytes:
    os.write(int(sys.argv[1]), b"\xff" * 64)
    return b"and an answer"


def _oversize(_: memoryview) -> bytes:
    return bytes(70 * 1024**2)


def _exit(_: memoryview) -> bytes:
    os._exit(0)


def _raise(blob: memoryview) -> bytes:
    raise RuntimeError(bytes(blob).decode())


def _refused(act: Callable[[], object]) -> bytes:
    """What the system says to an act that the child must not be able to do."""
    try:
        act()
    except PermissionError:
        return b"refused"
    except OSError as error:
        return str(error).encode()
    return b"done"


def _write_file() -> None:
    Path("/tmp/mailward-child").write_text("x", encoding="utf-8")  # noqa: S108  # it must not come into being


def _kill_parent() -> None:
    os.kill(os.getppid(), 0)


DEEDS: Final[dict[bytes, Callable[[memoryview], bytes]]] = {
    b"echo": bytes,
    b"length": lambda blob: str(len(blob)).encode(),
    b"pid": lambda _: str(os.getpid()).encode(),
    b"segfault": _segfault,
    b"loop": _loop,
    b"sleep": _sleep,
    b"memory": _eat_memory,
    b"garbage": _garbage,
    b"oversize": _oversize,
    b"exit": _exit,
    b"raise": _raise,
    b"fork": lambda _: _refused(os.fork),
    b"exec": lambda _: _refused(lambda: os.execv("/bin/true", ["true"])),  # noqa: S606  # that it fails is the point
    b"socket": lambda _: _refused(socket.socket),
    b"open": lambda _: _refused(lambda: Path("/etc/hostname").read_bytes()),
    b"write": lambda _: _refused(_write_file),
    b"signal": lambda _: _refused(_kill_parent),
    b"environment": lambda _: " ".join(sorted(os.environ)).encode(),
    b"codec": lambda _: b"\xb1\xea".decode("gb18030").encode(),
    b"descriptors": lambda _: str(sum(_is_open(fd) for fd in range(256))).encode(),
}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def handle(header: bytes, blob: memoryview) -> bytes:
    """Do one deed."""
    return DEEDS[header](blob)


if __name__ == "__main__":
    serve(handle)
