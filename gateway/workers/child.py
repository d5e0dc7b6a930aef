"""The inside of a child process: confine yourself, then answer one request after the other until the parent hangs up.

A module that wants to be a child ends with

    if __name__ == "__main__":
        serve(handle)

and the parent starts it as `python -m that.module FD LIMITS`. All imports, files and sample runs belong before `serve`:
behind it nothing can be opened, not even a module or a codec that comes late.
"""

import codecs
import encodings
import gc
import mmap
import os
import pkgutil
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

from gateway.workers.confine import allow_job, confine
from gateway.workers.frames import ANSWER, HEADER_MAX, REQUEST, Place, Status
from gateway.workers.limits import Limits

Handler = Callable[[bytes, memoryview], bytes]

_ARGUMENTS: Final = 3  # its own name, a socket, its limits


def load_codecs() -> None:
    """Import every codec of the standard library.

    Under Landlock a late one raises PermissionError instead of LookupError, in the middle of a message.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            codecs.lookup(module.name)
        except LookupError:
            continue  # a helper module, or a codec of another system


def read_setup() -> bytes:
    """What the pool gave all its children to begin with, empty when nothing; the file is put away.

    A child that somebody started by hand gets nothing, and does not wait for what they type.
    """
    if len(sys.argv) != _ARGUMENTS:
        return b""
    with os.fdopen(os.open(os.devnull, os.O_RDONLY), "rb") as nothing:
        size = os.fstat(0).st_size
        setup = os.pread(0, size, 0) if size else b""
        os.dup2(nothing.fileno(), 0)
    if len(setup) != size:
        raise OSError("the setup is cut short")
    return setup


def _read(connection: socket.socket, count: int) -> bytearray:
    """Exactly `count` bytes. Raises: EOFError when the parent is gone."""
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        got = connection.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return buffer


def read_request(connection: socket.socket) -> tuple[bytes, memoryview]:
    """The next header and blob; a memory file is mapped, never copied.

    Raises: EOFError when the parent has hung up; ValueError when it breaks the frame, which ends the child.
    """
    prefix, descriptors, _flags, _address = socket.recv_fds(connection, REQUEST.size, 1)
    if not prefix:
        raise EOFError
    prefix += _read(connection, REQUEST.size - len(prefix))
    header_length, blob_length, place = REQUEST.unpack(prefix)
    if header_length > HEADER_MAX or (place == Place.MEMORY_FILE) != bool(descriptors):
        raise ValueError("broken frame")
    header = bytes(_read(connection, header_length))
    if place == Place.INLINE:
        return header, memoryview(_read(connection, blob_length)).toreadonly()
    try:
        return header, memoryview(mmap.mmap(descriptors[0], blob_length, prot=mmap.PROT_READ))
    finally:
        os.close(descriptors[0])


def _answer(connection: socket.socket, status: Status, body: bytes = b"") -> None:
    prefix = ANSWER.pack(status, len(body))
    if len(body) < HEADER_MAX:
        connection.sendall(prefix + body)
        return
    connection.sendall(prefix)
    connection.sendall(body)


def _work(connection: socket.socket, handler: Handler, limits: Limits) -> None:
    """One job. A handler that raises tells the parent so, in one byte: the text of an exception may hold content."""
    header, blob = read_request(connection)
    allow_job(limits)
    try:
        body = handler(header, blob)
    except Exception:  # the edge of a job: the parent replaces this process
        _answer(connection, Status.FAILED)
    else:
        _answer(connection, Status.DONE, body)


def serve(handler: Handler) -> None:
    """Be a child for the rest of the process.

    handler: takes the header and the blob of a request (valid until it returns), gives the bytes of the answer.
    Returns when the parent hangs up. SIGTERM and SIGINT are the parent's business and are ignored here.
    """
    if len(sys.argv) != _ARGUMENTS:
        sys.exit("this module is started by the gateway, with a socket and its limits")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = Limits.from_argument(sys.argv[2])
    connection = socket.socket(fileno=int(sys.argv[1]))
    load_codecs()
    gc.collect()
    gc.freeze()  # what is loaded now lives as long as the process
    held = confine(limits)
    _answer(connection, Status.DONE, " ".join(held).encode())
    try:
        while True:
            _work(connection, handler, limits)
    except (EOFError, ConnectionError):
        return
