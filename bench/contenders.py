"""Who takes part in the comparison of intakes: each in processes of its own, listening on loopback."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.accepting import SIZE_LIMIT
from bench.run import PATIENCE_S, REPOSITORY, Sink, running_sink
from tests.e2e.installation import Installation
from tests.e2e.postfix import running_postfix
from tests.e2e.world import open_world
from tests.tools import free_port

SETTLE_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """title: for the table. root: its first process. settle: given how many messages it took in all, waits until it has
    worked them off.
    """

    title: str
    port: int
    root: int
    settle: Callable[[int], None]


@contextmanager
def accepting(server: str, title: str, folder: Path) -> Iterator[Contender]:
    """One of `bench.accepting`."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.accepting", server, "--folder", str(folder)],
        stdout=subprocess.PIPE, cwd=REPOSITORY, text=True,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Contender(title=title, port=port, root=process.pid, settle=lambda _: None)
        finally:
            process.kill()


@contextmanager
def postfix_smtpd() -> Iterator[Contender]:
    """Postfix at its best: nothing looks at the mail, no name is looked up, what is queued is thrown away at once."""
    port = free_port()
    settings = {
        "virtual_mailbox_domains": "",
        "default_transport": "discard:",
        "message_size_limit": str(SIZE_LIMIT),
        "in_flow_delay": "0",
        "smtpd_peername_lookup": "no",
        "smtpd_client_connection_count_limit": "0",
    }
    with running_postfix(address="127.0.0.1", port=port, settings=settings) as postfix:
        queue = postfix.root / "queue"
        root = int((queue / "pid" / "master.pid").read_text())

        def settle(_: int) -> None:
            _until(lambda: not any(_files(queue / name) for name in ("maildrop", "incoming", "active", "deferred")))

        yield Contender(title="Postfix smtpd", port=port, root=root, settle=settle)


class ProbedInstallation(Installation):
    """A gateway under `bench.lag`."""

    @property
    def lag_file(self) -> Path:
        return self.folder / "lag.json"

    def _command(self) -> list[str]:  # type: ignore[override]
        return [sys.executable, "-m", "bench.lag", str(self.lag_file)]


class IdleLoop:
    """A loop with nothing to do but to note its lag; what it noted is there after `stop`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._process = subprocess.Popen([sys.executable, "-m", "bench.lag", str(file), "idle"], cwd=REPOSITORY)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)


@contextmanager
def whole_gateway(folder: Path) -> Iterator[tuple[Contender, ProbedInstallation]]:
    """The gateway with all it does: inspect, decide, seal, commit with its audit events, sign, deliver over TLS."""
    (folder / "world").mkdir(parents=True)
    with open_world(folder / "world") as world, running_sink(world) as sink:
        gateway = ProbedInstallation(folder / "mailward", world, CHANGES)
        try:
            gateway.add_user()
            gateway.start()
            assert gateway.process is not None
            yield _whole(gateway, sink), gateway
        finally:
            gateway.close()


CHANGES: Final = {
    "server": {"inspectors": 0},
    "limits": {"connections_per_address": 1000},
    "brake": {"relay_messages_per_hour": 10**9, "relay_phi_per_hour": 10**9},  # one sender sends all
}


def _whole(gateway: Installation, sink: Sink) -> Contender:
    assert gateway.process is not None
    return Contender(title="Mailward, whole", port=gateway.ports.relay, root=gateway.process.pid, settle=sink.wait_for)


def _files(folder: Path) -> bool:
    with suppress(OSError):  # moved on while we look
        return any(path.is_file() for path in folder.rglob("*"))
    return True


def _until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError("Postfix does not come to a rest")
        time.sleep(SETTLE_S)
