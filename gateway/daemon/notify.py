"""sd_notify(3): tell systemd that we are ready, reloading, stopping, or alive; silent where systemd did not ask."""

import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send lines such as `READY=1` to the socket in NOTIFY_SOCKET; a supervisor that has gone is nobody's error."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as channel:
            channel.sendto("\n".join(lines).encode(), address)
    except OSError:
        return


def reloading() -> tuple[str, str]:
    """The lines that begin a reload; without the time Type=notify-reload waits for ever (sd_notify(3))."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> timedelta | None:
    """How often WATCHDOG=1 is due: half of what the unit allows (sd_watchdog_enabled(3)); None when not asked for."""
    allowed_us = environment.get("WATCHDOG_USEC", "")
    if not allowed_us.isdecimal() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return timedelta(microseconds=int(allowed_us) // 2)
