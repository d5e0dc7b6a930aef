"""The gateway under strace: what it asks of the disk, and a disk that says no (strace(1), Tampering).

The tracer is a grandchild (`-D`), so that the process we start is the gateway itself, and a filter in the kernel keeps
all other system calls at full speed. Only calls on the write-ahead log are looked at, where every commit ends.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.installation import Installation
from tests.e2e.waiting import until
from tests.tools import IN_CI, need

READY_S: Final = 60  # a process that is traced starts slowly
WRITE_AHEAD_LOG: Final = "mailward.db-wal"
SAME: Final = 8  # looks in a row that see no change, 0.4 s
UNFINISHED: Final = " <unfinished ...>"
RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>")
SYNC: Final = re.compile(rf"f(?:data)?sync\(\d+<[^>]*/{WRITE_AHEAD_LOG}>\) += 0$")


def launch_traced(installation: Installation, *options: str) -> "subprocess.Popen[bytes]":
    """Start it. options: of strace. Skips where nobody may trace, or fails in CI."""
    strace = need("strace")
    check_permission(strace)
    common = ("-D", "-f", "--seccomp-bpf", "-y", "-qq", "-e", "signal=none", "-o", str(trace_file(installation)))
    return installation.launch(strace, *common, *options)


def trace_file(installation: Installation) -> Path:
    return installation.folder / "strace.txt"


class Traced:
    """An installation that runs under strace. lines: what strace wrote so far."""

    def __init__(self, installation: Installation, *options: str) -> None:
        """Start it as `launch_traced`, and wait until it is ready."""
        self.file = trace_file(installation)
        launch_traced(installation, *options)
        until(installation.is_ready, timeout_s=READY_S, state=lambda: installation.log)

    @property
    def lines(self) -> list[str]:
        return list(whole(self.file.read_text(errors="replace").splitlines()))

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    @property
    def injected(self) -> list[str]:
        """The calls that strace made fail."""
        return [line for line in self.lines if line.endswith("(INJECTED)")]


def whole(lines: Sequence[str]) -> Iterator[str]:
    """Calls that another thread's cut in two: where one goes on it stands whole, where it began as far as it was."""
    begun: dict[str, str] = {}
    for line in lines:
        pid, _, call = line.partition(" ")
        call = call.lstrip()
        resumed = RESUMED.match(call)
        if call.endswith(UNFINISHED):
            begun[pid] = call.removesuffix(UNFINISHED)
        yield f"{pid} {begun.pop(pid, '')}{call[resumed.end() :]}" if resumed else line


def on_the_log(installation: Installation, calls: str, *, error: str, when: str) -> Sequence[str]:
    """Options that make some of these calls fail on the write-ahead log. when: as strace counts, such as 9+5."""
    path = installation.data_dir / WRITE_AHEAD_LOG
    return ("-P", str(path), "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}")


def check_permission(strace: str) -> None:
    """Whether a process may be traced here at all."""
    done = subprocess.run(
        [strace, "-D", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False, timeout=20
    )
    if done.returncode:
        (pytest.fail if IN_CI else pytest.skip)(f"no process may be traced here: {done.stderr.strip()}")


def quiet(file: Path) -> None:
    """Wait until nothing more is written to a file."""
    seen: list[int] = []

    def has_settled() -> bool:
        seen.append(file.stat().st_size)
        return len(seen) > SAME and len(set(seen[-SAME:])) == 1

    until(has_settled)
