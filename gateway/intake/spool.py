"""Large messages wait on disk while they are received, so that memory stays bounded (RX-06); sealed, without a name.

How this works: threads seal each piece with AES-256-GCM under the message's own key, and write it. The key lives in
memory and nowhere else; each piece is bound to its number and to whether it is the last, so that nothing can be cut,
moved or put in from elsewhere (KY-09). The file is made without a name (O_TMPFILE): it goes with the process, however
that ends, and nothing is left to sweep (QD-02). Where the file system knows no such files it is made with a name that
is taken away before the first octet is written; a kill between the two leaves an empty file.
"""

import asyncio
import contextlib
import io
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from gateway.store.errors import DamagedContent, StoreFull
from gateway.store.faults import environment_fault
from gateway.store.store import FREE_SPACE_FLOOR
from gateway.store.vault import Place, new_data_key, open_piece, seal_piece

T = TypeVar("T")

SMALL_BYTES: Final = 128 * 1024  # a message up to this never comes here
PIECE_BYTES: Final = 32 * 1024  # of a larger one so much may gather in memory before it is written
THREADS: Final = 4  # they wait for the disk; sealing releases the interpreter's lock
PREFIX: Final = ".spool-"


class Spools:
    """Where the spools of all sessions are made.

    folder: `server.data_dir`. floor_bytes: free space that spools leave to the store, which has to record outcomes.
    ceiling: the number of a descriptor that is one too many (`descriptors.py`).
    """

    def __init__(self, folder: Path, *, floor_bytes: int = FREE_SPACE_FLOOR, ceiling: int = sys.maxsize) -> None:
        self._folder = folder
        self._floor = floor_bytes
        self._ceiling = ceiling
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="spool")

    def new(self) -> "Spool":
        """An empty one. Costs nothing before its first piece."""
        return Spool(self._folder, self._floor, self._ceiling, self._threads)

    def close(self) -> None:
        """No spool is used any more. Blocks until the last ones are closed."""
        self._threads.shutdown()


class Spool:
    """One message's pieces, in their order. One caller at a time; `close` at any time."""

    def __init__(self, folder: Path, floor: int, ceiling: int, threads: ThreadPoolExecutor) -> None:
        self.size = 0  # octets of message
        self.is_used = False
        self._folder = folder
        self._floor = floor
        self._ceiling = ceiling
        self._threads = threads
        self._key = new_data_key()
        self._id = secrets.token_hex(8)
        self._lengths: list[int] = []  # of the sealed pieces
        self._file = -1
        self._is_closed = False
        self._lock = (
            threading.Lock()
        )  # taken in threads only: a write whose caller was cancelled may still be under way

    async def put(self, piece: bytes, *, is_last: bool = False) -> None:
        """Seal and write the next piece. Raises: StoreFull, StoreSick; the spool is of no more use then."""
        self.is_used = True
        await self._in_thread(lambda: self._write(piece, is_last=is_last))
        self.size += len(piece)

    async def bring(self) -> bytes:
        """The whole message, after its last piece was put; the file is gone then.

        Nothing is given out before every piece has been checked. Raises: DamagedContent, StoreSick.
        """
        return await self._in_thread(self._read)

    def close(self) -> None:
        """Give the space back, soon: a large file is not closed on the event loop. Again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._threads.submit(self._drop)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # --- in a thread ---

    def _write(self, piece: bytes, *, is_last: bool) -> None:
        sealed = seal_piece(self._key, self._place(len(self._lengths), is_last=is_last), piece)
        with self._lock, _in_our_words():
            if self._is_closed:
                return
            if self._file < 0:
                self._file = self._open()
            room = os.fstatvfs(self._file)
            if room.f_bavail * room.f_frsize - len(sealed) < self._floor:
                raise StoreFull("free space is below the store's floor")
            view = memoryview(sealed)
            while view:
                view = view[os.write(self._file, view) :]
            self._lengths.append(len(sealed))

    def _open(self) -> int:
        file = nameless_file(self._folder)
        if file >= self._ceiling:
            os.close(file)
            raise StoreFull("no descriptor is left for a spool")  # RX-11
        return file

    def _read(self) -> bytes:
        with self._lock, _in_our_words():
            whole = io.BytesIO()  # gives its buffer away without a copy; made in its full size, it never grows
            whole.seek(max(0, self.size - 1))
            whole.write(b"\0"[: self.size])
            whole.seek(0)
            os.lseek(self._file, 0, os.SEEK_SET)
            for number, length in enumerate(self._lengths):
                sealed = os.read(self._file, length)
                place = self._place(number, is_last=number == len(self._lengths) - 1)
                whole.write(open_piece(self._key, place, sealed))
            if whole.tell() != self.size:
                raise DamagedContent("a spooled message is cut short")
        self._drop()
        return whole.getvalue()

    def _drop(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file, self._is_closed = -1, True

    def _place(self, number: int, *, is_last: bool) -> Place:
        return Place(message_id=self._id, part="spool", number=number, last=is_last, key_id="")


def nameless_file(folder: Path) -> int:
    """A descriptor of an empty file that only we can ever open, mode 0600. Raises: OSError."""
    flags = os.O_RDWR | os.O_TMPFILE | os.O_EXCL | os.O_CLOEXEC  # O_EXCL: it can never be given a name, open(2)
    with contextlib.suppress(OSError):  # EISDIR, EOPNOTSUPP: not on this file system
        return os.open(folder, flags, 0o600)
    file, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    Path(name).unlink()
    return file


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Raise StoreFull or StoreSick for what disk and file do."""
    try:
        yield
    except OSError as error:
        fault = environment_fault(error)
        if fault is None:
            raise
        raise fault from None
