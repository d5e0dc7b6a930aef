"""Certificates that are renewed on disk are taken up without a signal (SA-12): certbot and its like tell nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

from gateway.log import get_logger

EVERY: Final = timedelta(minutes=1)

State = tuple[tuple[int, int, int] | None, ...]

log = get_logger("daemon")


class Renewal:
    """files: certificates and keys in use. reload: reads them all again; False when one is bad, the old ones stay."""

    def __init__(self, files: Iterable[Path], reload: Callable[[], Awaitable[bool]]) -> None:
        self._files = tuple(files)
        self._reload = reload
        self._taken_up = self._look()

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await self.look()

    async def look(self) -> None:
        """Take up what has changed. A half-written pair is bad, stays an error in the log, and is tried again."""
        now = self._look()
        if now == self._taken_up:
            return
        is_good = await self._reload()
        log.info("certificates changed on disk", ok=is_good)
        if is_good:
            self._taken_up = now

    def _look(self) -> State:
        return tuple(_state(file) for file in self._files)


def _state(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced or written to; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
