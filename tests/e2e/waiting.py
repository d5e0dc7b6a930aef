"""Waiting for something outside this process: a file, a log line, a process."""

import socket
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 0.05


def until(condition: Callable[[], object], *, timeout_s: float = 15, state: Callable[[], object] = lambda: "") -> None:
    """Look again and again until it is true.

    state: what to show when it does not become so in time. Raises: AssertionError then.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen in time {state()}"
        time.sleep(EVERY_S)


def is_listening(address: str, port: int) -> bool:
    """Somebody takes connections there."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
