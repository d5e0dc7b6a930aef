"""Memory and processor time of a process and all its descendants, from /proc."""

import os
import threading
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
EVERY_S: Final = 0.1


def family(root: int) -> list[int]:
    """The process and its descendants that live now."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(int(stat.parent.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        todo += children.get(process, [])
    return found


def cpu_s(root: int) -> float:
    """Processor seconds of the family, and of its members that have ended and were waited for."""
    ticks = 0
    for process in family(root):
        fields = _stat(process)
        ticks += sum(int(fields[place]) for place in (11, 12, 13, 14)) if fields else 0  # proc(5): utime to cstime
    return ticks / TICKS


def memory_bytes(root: int) -> tuple[int, int]:
    """Resident bytes of the family: summed (RSS, shared pages counted in each), and with shared pages divided (PSS)."""
    rss = pss = 0
    for process in family(root):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue  # it has ended
        kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        rss += kib.get("Rss", 0)
        pss += kib.get("Pss", 0)
    return rss * 1024, pss * 1024


class Peak:
    """Watches the memory of a family while the block runs."""

    def __init__(self, root: int) -> None:
        self.rss = self.pss = 0
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            rss, pss = memory_bytes(self._root)
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)


def _stat(process: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the third), or nothing when it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
