"""A gateway as a sysadmin runs one: a configuration file, keys, and `mailward serve` as a process of its own."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.config import Settings, load
from gateway.control.wire import ask
from gateway.demo.world import CLINIC, World
from gateway.protect.dkim_keys import DkimKey, generate_key

HOSTNAME: Final = "gw.clinic.example"
ORGANISATION: Final = "Clinic A"
LOCAL: Final = "localhost"  # what links and clients use, so that a browser on this machine can follow them
DKIM: Final = {"rsa": "rsa", "ed": "ed25519"}  # selector to algorithm
READY_S: Final = 60
STOP_S: Final = 20  # what the gateway promises

CONFIG: Final = """\
# Made by `mailward demo`.
[server]
hostname = {hostname}
data_dir = {data_dir}

[server.tls]
certificate = {certificate}
private_key = {private_key}

[[listener]]
bind = "127.0.0.1:{submission}"
mode = "submission"

[[listener]]
bind = "127.0.0.1:{submissions}"
mode = "submissions"

[[listener]]
bind = "127.0.0.1:{relay}"
mode = "relay"
trusted_networks = ["127.0.0.1/32"]
control_headers = true

[[domain]]
name = {domain}
organisation = {organisation}
dkim = [{dkim}]

[dns]
resolvers = ["127.0.0.1:{resolver}"]

[delivery]
port = {port}
ca_file = {ca_file}
private_networks = ["127.0.0.0/8"]
retry = ["1s", "2s", "5s"]

[[delivery.route]]
domain = "mailbox.example"
methods = ["portal"]
port = {port}

[policy]
packs = ["marketing", "business-associates", "misaddressed"]

[smime]
ca_file = {ca_file}

[portal]
bind = "127.0.0.1:{portal}"
base_url = "https://{local}:{portal}"

[metrics]
bind = "127.0.0.1:{metrics}"
"""


class NotReady(Exception):
    """The gateway ended, or did not accept mail in time. The text holds the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Free TCP ports on 127.0.0.1."""

    submission: int
    submissions: int
    relay: int
    portal: int
    metrics: int

    @classmethod
    def choose(cls) -> "Ports":
        with ExitStack() as stack:
            servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
            return cls(*(server.getsockname()[1] for server in servers))


@dataclass(frozen=True, slots=True)
class Installation:
    """What was made in the folder. dkim: the keys that sign."""

    folder: Path
    ports: Ports
    settings: Settings
    dkim: tuple[DkimKey, ...]

    @property
    def config(self) -> Path:
        return self.folder / "mailward.toml"

    @property
    def portal_url(self) -> str:
        return f"https://{LOCAL}:{self.ports.portal}"

    async def ask(self, call: str, **args: Any) -> Any:
        """Have the running gateway do an operation, over its control socket."""
        return await ask(self.settings.server.data_dir, call, args)


def install(folder: Path, world: World) -> Installation:
    """Write keys and configuration. Returns: it, not yet running."""
    ports = Ports.choose()
    identity = world.authority.issue(HOSTNAME, also=(LOCAL,))
    keys = tuple(_dkim_key(folder, selector, algorithm) for selector, algorithm in DKIM.items())
    words = {
        "hostname": HOSTNAME,
        "data_dir": str(folder / "data"),
        "certificate": str(identity.certificate),
        "private_key": str(identity.private_key),
        "domain": CLINIC,
        "organisation": ORGANISATION,
        "ca_file": str(world.authority.file),
    }
    text = CONFIG.format(
        **{name: json.dumps(word) for name, word in words.items()},
        dkim=", ".join(
            f'{{ selector = "{selector}", private_key = {json.dumps(str(_key_file(folder, selector)))} }}'
            for selector in DKIM
        ),
        submission=ports.submission, submissions=ports.submissions, relay=ports.relay,
        portal=ports.portal, metrics=ports.metrics, local=LOCAL,
        resolver=world.resolver_port, port=world.port,
    )  # fmt: skip
    (folder / "mailward.toml").write_text(text, encoding="utf-8")
    return Installation(folder, ports, load(folder / "mailward.toml"), keys)


@asynccontextmanager
async def running(installation: Installation) -> AsyncIterator[None]:
    """Run `mailward serve` until the block ends. Raises: NotReady."""
    log = installation.folder / "gateway.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--config", str(installation.config),
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is for us; we stop it in good order
        )  # fmt: skip
    try:
        await _ready(installation, process, log)
        yield
    finally:
        await _stop(process)


async def _ready(installation: Installation, process: asyncio.subprocess.Process, log: Path) -> None:
    url = f"http://127.0.0.1:{installation.ports.metrics}/readyz"
    try:
        async with asyncio.timeout(READY_S), httpx2.AsyncClient(trust_env=False) as http:
            while process.returncode is None:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(url)).status_code == httpx2.codes.OK:
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise NotReady(f"mailward serve was not ready within {READY_S} s\n{_tail(log)}") from None
    raise NotReady(f"mailward serve ended with status {process.returncode}\n{_tail(log)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


def _key_file(folder: Path, selector: str) -> Path:
    return folder / f"dkim-{selector}.pem"


def _dkim_key(folder: Path, selector: str, algorithm: str) -> DkimKey:
    pem = generate_key(algorithm)
    descriptor = os.open(_key_file(folder, selector), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return DkimKey.load(CLINIC, selector, pem)
