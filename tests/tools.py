"""What the tests need from the machine: programs and free ports."""

import os
import shutil
import socket
from typing import Final

import pytest

IN_CI: Final = os.environ.get("CI") == "true"
_given: Final[set[int]] = set()


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

    Never the same one twice: whom it was given to may not have taken it yet.
    """
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
