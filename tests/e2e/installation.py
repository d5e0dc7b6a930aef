"""A whole installation in a temporary folder: configuration, certificates, keys, users, and `serve` as a process."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.e2e.toml import dump, merge
from tests.e2e.world import CLINIC, HOME, World
from tests.tools import free_port

HOSTNAME: Final = "gw.clinic.example"
USER: Final = "clinician@clinic.example"
PASSWORD: Final = "correct horse battery staple 7"
READY_S: Final = 30
STOP_S: Final = 20
REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ports:
    submission: int = field(default_factory=free_port)
    submissions: int = field(default_factory=free_port)
    relay: int = field(default_factory=free_port)
    portal: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)


class Installation:
    """Made stopped. changes: tables to merge into the configuration, as TOML would read them."""

    def __init__(self, folder: Path, world: World, changes: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.world = world
        self.ports = Ports()
        self.data_dir = folder / "data"
        self.log_file = folder / "gateway.log"
        self.config = folder / "mailward.toml"
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "keys").mkdir(parents=True)
        self.dkim = make_dkim_keys(folder / "keys")
        self.write_config(changes or {})

    # --- set-up ---

    def write_config(self, changes: Mapping[str, Any]) -> None:
        self.config.write_text(dump(merge(self._document(), changes)))

    def add_user(self, address: str = USER, password: str = PASSWORD) -> None:
        done = self.run("user", "add", address, "--password-stdin", stdin=password + "\n")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the command line."""
        return subprocess.run(
            [*self._command(), *map(str, arguments), "--config", str(self.config)],
            input=stdin, capture_output=True, text=True, check=False, timeout=60, cwd=REPOSITORY,
        )  # fmt: skip

    # --- the process ---

    def start(self) -> None:
        """Start `serve` and wait until it is ready."""
        self.launch()
        deadline = time.monotonic() + READY_S
        while not self.is_ready():
            assert self.process is not None
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.log}"
            time.sleep(0.02)

    def launch(self, *prefix: str) -> "subprocess.Popen[bytes]":
        """Start `serve` under a prefix such as `prlimit`, without waiting."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *self._command(), "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=REPOSITORY,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        return self.process

    def stop(self) -> None:
        """SIGTERM; it has to end by itself, with status 0, in the time that it promises."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.wait_stopped()

    def wait_stopped(self) -> None:
        assert self.process is not None
        assert self.process.wait(STOP_S) == 0, self.log
        self.process = None

    def kill(self) -> None:
        """`kill -9`, as the power fails for a process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self) -> None:
        """The end of a test, however it went."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    # --- what can be seen of it ---

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        """Status and text from the metrics address."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.metrics}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def events(self, **wanted: str) -> list[dict[str, Any]]:
        """The audit log in its order; only events whose members are as wanted."""
        done = self.run("audit", "export")
        assert done.returncode == 0, done.stderr
        lines = (json.loads(line) for line in done.stdout.splitlines())
        events: list[dict[str, Any]] = [line["event"] for line in lines if "event" in line]
        return [event for event in events if all(event.get(name) == value for name, value in wanted.items())]

    def queue(self) -> list[dict[str, Any]]:
        done = self.run("queue", "list", "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def client_tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.world.authority.file))

    # --- details ---

    @staticmethod
    def _command() -> list[str]:
        return [sys.executable, "-m", "gateway"]

    def _document(self) -> dict[str, Any]:
        ports, world = self.ports, self.world
        identity = world.authority.issue(HOSTNAME)
        return {
            "server": {
                "hostname": HOSTNAME,
                "data_dir": self.data_dir,
                "inspectors": 1,
                "tls": {"certificate": identity.certificate, "private_key": identity.private_key},
            },
            "listener": [
                {"bind": f"127.0.0.1:{ports.submission}", "mode": "submission"},
                {"bind": f"127.0.0.1:{ports.submissions}", "mode": "submissions"},
                {
                    "bind": f"127.0.0.1:{ports.relay}", "mode": "relay", "require_tls": False,
                    "trusted_networks": ["127.0.0.1/32"],
                },
            ],
            "domain": [
                {
                    "name": CLINIC,
                    "inbound": f"{HOME}:{world.port}",
                    "dkim": [{"selector": name, "private_key": path} for name, path in self.dkim.items()],
                }
            ],
            "dns": {"resolvers": [f"127.0.0.1:{world.resolver_port}"]},
            "delivery": {
                "port": world.port,
                "ca_file": world.authority.file,
                "private_networks": ["127.0.0.0/8"],
                "retry": ["1s", "1s", "2s"],
                "tls_deadline": "2s",
                "urgent_tls_deadline": "1s",
            },
            "portal": {"bind": f"127.0.0.1:{ports.portal}", "base_url": f"https://{HOSTNAME}:{ports.portal}"},
            "metrics": {"bind": f"127.0.0.1:{ports.metrics}"},
        }  # fmt: skip


@contextmanager
def running(folder: Path, world: World, changes: Mapping[str, Any] | None = None) -> Iterator[Installation]:
    """An installation with one user, ready for mail."""
    installation = Installation(folder, world, changes)
    try:
        installation.add_user()
        installation.start()
        yield installation
    finally:
        installation.close()


def make_dkim_keys(folder: Path) -> dict[str, Path]:
    """One RSA and one Ed25519 key. Returns: selector to file."""
    keys: dict[str, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ed": ed25519.Ed25519PrivateKey.generate(),
    }
    files = {}
    for selector, key in keys.items():
        files[selector] = folder / f"{selector}.pem"
        files[selector].touch(mode=0o600)
        files[selector].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return files
