"""The few calls of the Linux kernel that Python does not offer, through the C library.

Every function raises OSError with the kernel's errno; callers treat a refusal as "this layer does not hold".
"""

import ctypes
import os
import platform
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG: Final = 1  # prctl(2)
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
CLONE_NEWUSER: Final = 0x10000000  # unshare(2)
CLONE_NEWNET: Final = 0x40000000
_CAPABILITY_VERSION_3: Final = 0x20080522  # capset(2)


def machine() -> str:
    """The processor as uname(2) names it: "x86_64", "aarch64", …."""
    return platform.machine()


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make one system call; integers are passed as C long, ctypes values as they are."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; the unused ones are zero, as some options demand."""
    _checked(_LIBC.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def unshare(flags: int) -> None:
    """unshare(2): leave the parent's namespaces for new, empty ones."""
    _checked(_LIBC.unshare(flags))


def drop_capabilities() -> None:
    """Give up every capability, permitted ones too, for good (capset(2))."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_LIBC.capset(header, nothing))
