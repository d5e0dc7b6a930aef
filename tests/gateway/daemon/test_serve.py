"""`serve` on a real loop: what the supervisor hears, reloads, and how it ends."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.problems import Problem
from gateway.daemon.serve import _serve
from gateway.delivery.scheduler import Scheduler

pytestmark = pytest.mark.slow


class Supervisor:
    """systemd's end of sd_notify(3)."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(20)

    async def hears(self) -> dict[str, str]:
        """The next message, its lines by name."""
        text = (await asyncio.to_thread(self.socket.recv, 4096)).decode()
        return dict(line.split("=", 1) for line in text.splitlines())


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    yield supervisor
    supervisor.socket.close()


def fails() -> Settings:
    raise ConfigError([Problem(Path("mailward.toml"), 3, "log.level", "is not a level")])


def trips() -> Settings:
    raise RecursionError


async def test_signals(settings: Settings, supervisor: Supervisor) -> None:
    """QD-18: ready, reloads of which the bad ones change nothing, what waits for a restart, and an end without an
    error."""
    other = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "error"})})
    reads: list[Callable[[], Settings]] = [fails, trips, lambda: settings, lambda: other]
    serving = asyncio.create_task(_serve(settings, lambda: reads.pop(0)()))
    assert (await supervisor.hears())["READY"] == "1"
    problems = "the configuration file has problems"
    for words in (problems, problems, "accepting mail", "accepting mail; a restart has to"):
        os.kill(os.getpid(), signal.SIGHUP)
        assert "MONOTONIC_USEC" in await supervisor.hears()
        after = await supervisor.hears()
        assert after["READY"] == "1"
        assert words in after["STATUS"]
        assert ("restart" in words) == ("restart" in after["STATUS"])
    os.kill(os.getpid(), signal.SIGTERM)
    assert await supervisor.hears() == {"STOPPING": "1"}
    async with asyncio.timeout(20):
        await serving


async def test_a_part_that_dies_ends_the_gateway(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor starts it anew; a gateway that delivers nothing must not look alive."""
    gate = asyncio.Event()

    async def run(self: Scheduler) -> None:
        await gate.wait()
        raise RuntimeError("a bug")

    monkeypatch.setattr(Scheduler, "run", run)
    serving = asyncio.create_task(_serve(settings, lambda: settings))
    assert (await supervisor.hears())["READY"] == "1"
    gate.set()
    assert await supervisor.hears() == {"STOPPING": "1"}
    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(20):
            await serving


async def test_a_failed_start_raises_and_says_nothing(settings: Settings, supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", settings.portal.bind.port)), pytest.raises(OSError, match="in use"):
        await _serve(settings, lambda: settings)
    supervisor.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        supervisor.socket.recv(1)
