"""The scanners that auditors point at a mail server: testssl.sh, sslyze and nmap; each is run and its report read."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.installation import HOSTNAME, REPOSITORY
from tests.tools import need

LOCKS: Final = [REPOSITORY / "requirements" / name for name in ("build.txt", "sslyze.txt")]  # in this order
TIME_LIMIT_S: Final = 100  # pytest ends the whole run after 120 (pyproject.toml)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of testssl.sh. severity: its own word, such as OK, INFO, WARN, LOW, MEDIUM, HIGH, CRITICAL, FATAL."""

    id: str
    severity: str
    text: str


def scan_testssl(port: int, ca_file: Path, report: Path, *sections: str) -> list[Finding]:
    """Scan implicit TLS on loopback. sections: options that pick what is checked. report: file to make."""
    done = run(
        need("testssl"), "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
        "--add-ca", ca_file, "--jsonfile", report, *sections, f"{HOSTNAME}:{port}",
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    return [Finding(line["id"], line["severity"], line["finding"]) for line in found]


@dataclass(frozen=True, slots=True)
class Sslyze:
    """The program in its own environment."""

    python: Path

    @classmethod
    def install(cls, cache: Path) -> "Sslyze":
        """Make the environment, or take the one that an earlier run made in `cache` from the same lock files."""
        key = hashlib.sha256(b"".join(lock.read_bytes() for lock in LOCKS) + sys.version.encode()).hexdigest()[:16]
        home = cache / f"sslyze-{key}"
        if not home.exists():
            unfinished = Path(tempfile.mkdtemp(dir=cache))  # moved when whole; only `python -m` is used, which may move
            try:
                run_well(sys.executable, "-m", "venv", "--without-pip", unfinished)
                for lock in LOCKS:  # sslyze comes as source, and is built with the locked build tools
                    run_well(
                        sys.executable, "-m", "pip", "--python", unfinished, "--quiet", "--disable-pip-version-check",
                        "install", "--no-compile", "--no-build-isolation", "--require-hashes", "--requirement", lock,
                    )  # fmt: skip
                unfinished.rename(home)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return cls(home / "bin" / "python")

    def scan(self, port: int, ca_file: Path, report: Path, *options: str) -> dict[str, Any]:
        """Scan one port of loopback. Returns: `scan_result` of its JSON, one member for each of its commands."""
        done = run(
            self.python, "-m", "sslyze", "--quiet", "--mozilla_config", "disable", "--json_out", report,
            "--sni", HOSTNAME, "--certinfo", "--certinfo_ca_file", ca_file, *options, f"127.0.0.1:{port}",
        )  # fmt: skip
        assert report.exists(), done.stdout + done.stderr
        (server,) = json.loads(report.read_text(encoding="utf-8"))["server_scan_results"]
        assert server["connectivity_status"] == server["scan_status"] == "COMPLETED", server["connectivity_error_trace"]
        result: dict[str, Any] = server["scan_result"]
        return result


@dataclass(frozen=True, slots=True)
class RelayScan:
    """What nmap's smtp-open-relay says. tried: patterns it got to. passed: those that were taken, in its words."""

    verdict: str
    tried: int
    passed: tuple[str, ...]


def scan_open_relay(port: int, report: Path) -> RelayScan:
    """Run the script against one port of loopback, whatever nmap thinks is served there ("+"). report: file to make."""
    trace = run_well(
        need("nmap"), "--unprivileged", "-sT", "-Pn", "-n", "-vv", "--script", "+smtp-open-relay", "--script-trace",
        "-oX", report, "-p", str(port), "127.0.0.1",
    )  # fmt: skip
    script = ET.parse(report).find(".//script[@id='smtp-open-relay']")  # noqa: S314  # nmap wrote it
    assert script is not None, trace
    verdict, *passed = script.attrib["output"].splitlines()
    tried = re.findall(rf"> 127\.0\.0\.1:{port} \| .*MAIL FROM:<", trace)  # one for each, before any RCPT
    return RelayScan(verdict, len(tried), tuple(line.strip() for line in passed))


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run to the end, however it ends: scanners count their findings in the status."""
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT_S, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


def run_well(*command: str | Path) -> str:
    """Run to a good end. Returns: its output."""
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
