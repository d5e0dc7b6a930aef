"""The streams of a compound file ([MS-CFB]), through olefile, each counted against the budget of the message."""

import datetime
import re
import struct
from collections.abc import Sequence
from typing import Any, Final

from policy.phi.files.found import Budget

# What olefile raises on files that are damaged on purpose.
FAULTS: Final = (
    OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError, EOFError,
    struct.error,
)  # fmt: skip
_ENTRIES: Final = 10_000
# What olefile notes and reads over: chains of sectors that do not hold what the directory says.
_DEFECTS: Final = re.compile(
    "incomplete OLE|stream too large|sector index|OLE FAT|less than declared|DirEntry index|referenced twice"
    "|directory tree|DIFAT"
)
_NARROW: Final = re.compile(rb"[ -~]{4,}")
_WIDE: Final = re.compile(rb"(?:[ -~\xa0-\xff]\x00|[\x00-\xff][\x01-\x06]){4,}")  # UTF-16 of Latin, Greek, Cyrillic


class Streams:
    """An open file; `paths` are those of its streams."""

    def __init__(self, file: Any, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        self.paths: list[list[str]] = file.listdir(streams=True, storages=False)
        if len(self.paths) > _ENTRIES:
            raise ValueError("too many streams")

    def has(self, name: str) -> bool:
        """Tell whether there is a stream of that name at the top."""
        return any(len(path) == 1 and path[0].lower() == name.lower() for path in self.paths)

    @property
    def is_damaged(self) -> bool:
        """Whether something read so far was not what the directory says."""
        return any(_DEFECTS.search(message) for _, message in self._file.parsing_issues)

    def size(self, *path: str) -> int:
        """Return the octets of a stream that is there."""
        return int(self._file.get_size(list(path)))

    def read(self, *path: str) -> bytes:
        """Return a stream; b"" when it is not there or the budget is spent."""
        if not self._file.exists(list(path)):
            return b""
        size = self._file.get_size(list(path))
        self._budget.octets -= size
        return bytes(self._file.openstream(list(path)).read()) if self._budget.octets > 0 else b""

    def properties(self, names: Sequence[str]) -> list[str]:
        """Return what the file says about itself, in words."""
        metadata = self._file.get_metadata()
        values = (getattr(metadata, name, None) for name in names)
        return [
            value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
            for value in values
            if value and not isinstance(value, datetime.datetime)
        ]


def printable(data: bytes) -> list[str]:
    """Return what can be read between octets that nothing here understands, each run once."""
    narrow = (run.decode("ascii") for run in _NARROW.findall(data))
    wide = (run.decode("utf-16-le", errors="replace") for run in _WIDE.findall(data) if b"\x00" in run)
    return list(dict.fromkeys([*narrow, *wide]))
