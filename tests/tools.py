"""What the tests need from the machine: programs and free ports."""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

import pytest

IN_CI: Final = os.environ.get("CI") == "true"
FIRST_PORT: Final = 12_000
WORKERS: Final = 8  # of a parallel run; more of them share
PORTS_EACH: Final = 2_400


def need(tool: str) -> str:
    """Find a program of the system, as `need("gpg")`.

    Returns: its path. Where it is missing the test is skipped, or fails under CI=true, which has to run everything.
    """
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")  # Debian's servers, when not root
    if path is not None:
        return path
    missing = f"{tool} is not installed; `make test SYSTEM=1` installs it"
    if IN_CI:
        pytest.fail(missing)
    pytest.skip(missing)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody holds right now, for servers that cannot be told to pick one (port 0).

    Not the same one twice for a long time: whom it was given to may not have taken it yet. Each worker of a parallel
    run has ports of its own, below those that the kernel gives away (`ip_local_port_range`), so that nobody else takes
    one meanwhile.
    """
    for port in islice(_ports, PORTS_EACH):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is left")


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + worker % WORKERS * PORTS_EACH
    begin = os.getpid() % PORTS_EACH  # another run beside this one has most likely others
    return cycle([first + (begin + count) % PORTS_EACH for count in range(PORTS_EACH)])


_ports: Final = _own_ports()
