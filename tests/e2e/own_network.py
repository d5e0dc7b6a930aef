"""A network of its own for a test: loopback, and a range of addresses from which no answer ever comes.

How this works: the main thread moves into a new network namespace, and whatever it starts from there on, threads and
processes, lives in it too. The range lies behind a cable whose other end belongs to nobody: packets leave, and nothing
comes back, not even "unreachable". Nothing is left behind; the kernel removes the namespace with its last user.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.tools import need

CLONE_NEWNET: Final = 0x40000000  # <linux/sched.h>
RANGE: Final = "198.18.0.0/15"  # RFC 2544: in nobody's use
SILENT: Final = "198.18.0.9"
SILENT_6: Final = "fd00:dead::9"
COMMANDS: Final = """\
link set lo up
link add hole type veth peer name bottom
link set hole arp off
address add 198.18.0.1/15 dev hole
address add fd00:dead::1/64 dev hole nodad
link set hole up
link set bottom up
"""


@contextmanager
def own_network() -> Iterator[None]:
    """Until the end of the block. Only for the main thread, before it starts what belongs in there."""
    ip = need("ip")
    if os.geteuid() != 0:
        pytest.skip("a network namespace is made by root")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(libc.unshare(CLONE_NEWNET))
        try:
            for command in COMMANDS.splitlines():
                subprocess.run([ip, *command.split()], check=True, capture_output=True, timeout=10)
            yield
        finally:
            _check(libc.setns(before, CLONE_NEWNET))
    finally:
        os.close(before)


def _check(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
