"""What the store asks of its directory: to be ours alone, to have room, and to still hold the database."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.store.errors import StoreFull, StoreLocked, StoreSick
from gateway.store.faults import EnvironmentFault

LOCK_NAME: Final = "mailward.lock"
CHECK_EVERY_S: Final = 1.0


class DirectoryLock:
    """An exclusive flock on `data_dir/mailward.lock`; the kernel drops it when the process ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Raises: StoreLocked when another process, or another store of this one, holds it."""
        self._descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise StoreLocked(f"{data_dir}: another Mailward process uses this directory") from None

    def release(self) -> None:
        os.close(self._descriptor)


class Disk:
    """Watches free space and the database file; asks the kernel at most once a second."""

    def __init__(self, database: Path, *, floor_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """floor_bytes: below so much free space new mail is refused, so that outcomes of deliveries still fit."""
        self._database = database
        self._floor = floor_bytes
        self._clock = clock
        self._inode = database.stat().st_ino
        self._checked_at = float("-inf")
        self._fault: EnvironmentFault | None = None

    def fault(self) -> EnvironmentFault | None:
        """What is wrong now: StoreSick when the file is gone (QD-08), StoreFull below the floor (QD-07)."""
        now = self._clock()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._fault, self._checked_at = self._look(), now
        return self._fault

    def _look(self) -> EnvironmentFault | None:
        try:
            if self._database.stat().st_ino != self._inode:
                return StoreSick("the database file was replaced while in use")
            room = os.statvfs(self._database)
        except OSError as error:
            return StoreSick(f"the database file cannot be reached: {error.strerror}")
        if room.f_bavail * room.f_frsize < self._floor:
            return StoreFull("free space is below the store's floor")
        return None
