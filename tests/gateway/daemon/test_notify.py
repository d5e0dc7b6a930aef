"""What systemd hears, over a real datagram socket."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.daemon.notify import notify, reloading, watchdog_interval


def test_lines_reach_the_supervisor(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(address)
        notify("READY=1", "STATUS=ok", environment={"NOTIFY_SOCKET": address})
        assert supervisor.recv(1024) == b"READY=1\nSTATUS=ok"


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/nowhere/notify"}],
    ids=["not asked", "empty", "not a path", "supervisor gone"],
)
def test_nobody_to_tell_is_no_error(environment: dict[str, str]) -> None:
    assert notify("READY=1", environment=environment) is None  # type: ignore[func-returns-value]


def test_a_reload_says_its_time() -> None:
    """Without MONOTONIC_USEC, Type=notify-reload hangs."""
    state, moment = reloading()
    assert state == "RELOADING=1"
    assert int(moment.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environment: dict[str, str], interval: timedelta | None) -> None:
    assert watchdog_interval(environment) == interval
