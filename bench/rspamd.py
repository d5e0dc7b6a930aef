"""rspamd with its regexp module and the patterns of our detectors, where it is installed (Debian: rspamd).

It listens on loopback with a configuration of its own: one worker, no other module, no look-ups. Named groups,
look-ahead and back references are PCRE's as well, so the patterns go there as they are; one that it refuses is an
error. The vocabulary of health terms stays with us: it is no regular expression.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from policy.phi import asides, checked, codes, columns, health, identifiers, labels, reader
from policy.phi.anchored import Anchored
from tests.tools import free_port

PATIENCE_S: Final = 30
_REFUSED: Final = "could not read regexp"
_DETECTORS: Final[tuple[ModuleType, ...]] = (asides, checked, codes, columns, health, identifiers, labels, reader)


@dataclass(frozen=True, slots=True)
class Rspamd:
    """One that runs. root: its first process. rules: how many patterns it has."""

    port: int
    root: int
    rules: int

    def check(self, data: bytes) -> int:
        """Have it scan a message; return how many patterns were met."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/checkv2", body=data)
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return sum(name.startswith("PHI_") for name in found["symbols"])


def patterns() -> list[tuple[str, str]]:
    """Our regular expressions with rspamd's flags: of text parts, in any case unless ours asks for the case."""
    found: dict[str, str] = {}
    for module in _DETECTORS:
        for value in vars(module).values():
            for pattern in _anchored(value):
                found[pattern.expression] = "{mime}" if pattern.is_cased else "i{mime}"
    return list(found.items())


def _anchored(value: object) -> Iterator[Anchored]:
    if isinstance(value, Anchored):
        yield value
    elif isinstance(value, tuple):
        for piece in value:
            yield from _anchored(piece)


@contextmanager
def running_rspamd(folder: Path) -> Iterator[Rspamd | str]:
    """Run it as long as the block does; the reason, where it is not installed."""
    program = shutil.which("rspamd") or shutil.which("rspamd", path="/usr/bin:/usr/sbin")
    if program is None:
        yield "rspamd is not installed"
        return
    folder.mkdir(parents=True, exist_ok=True)
    port, rules, log = free_port(), patterns(), folder / "log"
    (folder / "rspamd.conf").write_text(_configuration(port, log, folder, rules))
    arguments = [program, "-f", "-c", str(folder / "rspamd.conf"), "-u", "nobody", "-g", "nogroup"]
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process, log)
        yield Rspamd(port, process.pid, len(rules))
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        process.kill()
        process.wait()


def _configuration(port: int, log: Path, folder: Path, rules: list[tuple[str, str]]) -> str:
    """Its configuration: UCL, of which JSON is a part."""
    regexp = {
        f"PHI_{number}": {"re": f"/{_escaped(expression)}/{flags}", "score": 0.1}
        for number, (expression, flags) in enumerate(rules)
    }
    return json.dumps(
        {
            "options": {
                "filters": "regexp", "pidfile": str(folder / "pid"), "dynamic_conf": str(folder / "dynamic"),
                "temp_dir": str(folder), "hs_cache_dir": str(folder), "dns": {"nameserver": ["127.0.0.1"]},
                "rrd": None,
            },
            "logging": {"type": "file", "filename": str(log), "level": "warning"},
            "worker": {"normal": {"bind_socket": f"127.0.0.1:{port}", "count": 1}},
            "regexp": regexp,
        }
    )  # fmt: skip


def _escaped(expression: str) -> str:
    """Write slashes as rspamd wants them, and Python's end of a text as PCRE has it."""
    return re.sub(r"(?<!\\)/", r"\/", expression).replace(r"\Z", r"\z")


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it answers.

    Raises: RuntimeError with a part of its log when it does not, or refuses a pattern.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.client.OK:
                break
        time.sleep(0.1)
    else:
        raise RuntimeError(f"rspamd does not answer: {log.read_text()[-2000:] if log.exists() else 'no log'}")
    refused = [line for line in log.read_text().splitlines() if _REFUSED in line]
    if refused:
        raise RuntimeError(f"rspamd refuses {len(refused)} of our patterns: {refused[0][:2000]}")
