"""Landlock: no path of the file system can be opened any more, no TCP port reached, no process outside signalled.

What is open stays open, so everything has to be imported before. Needs no root, only no_new_privs; Linux 5.13 or newer.
Source: Documentation/userspace-api/landlock.rst. The call numbers are the same on every architecture.
"""

import ctypes
import os
from typing import Final

from gateway.workers import kernel

_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION

# The version that brought them, and how many rights of the file system there are since then.
_FILE_RIGHTS: Final = ((5, 16), (3, 15), (2, 14), (1, 13))
_NET_SINCE: Final = 4
_SCOPE_SINCE: Final = 6
_BIND_AND_CONNECT: Final = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11


def ruleset(version: int) -> tuple[int, int, int]:
    """All rights that a kernel of this Landlock version can take away: file system, network, scope (bit masks)."""
    count = next((rights for since, rights in _FILE_RIGHTS if version >= since), 0)
    net = _BIND_AND_CONNECT if version >= _NET_SINCE else 0
    scope = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPE_SINCE else 0
    return (1 << count) - 1, net, scope


def restrict() -> None:
    """Take away everything, from this thread and all it starts. Raises: OSError where the kernel has no Landlock."""
    version = kernel.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    rights = (ctypes.c_uint64 * 3)(*ruleset(version))
    size = 8 if version < _NET_SINCE else 16 if version < _SCOPE_SINCE else 24
    fd = kernel.syscall(_CREATE_RULESET, ctypes.byref(rights), size, 0)
    try:
        kernel.syscall(_RESTRICT_SELF, fd, 0)
    finally:
        os.close(fd)
