"""A system call filter: what a child that only computes never needs fails with EPERM.

A list of what is refused, not of what is allowed: the C library and the interpreter change their calls from release to
release, and a filter that breaks memory allocation on the next kernel would be switched off. It closes every way to
another process, a new descriptor of the outside world, or a larger part of the kernel.
Source: seccomp(2); call numbers from asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64).
"""

import ctypes
import errno
import struct
from typing import Final, NamedTuple

from gateway.workers import kernel


class Numbers(NamedTuple):
    """One call's number on each architecture; None where it does not exist."""

    x86_64: int | None
    aarch64: int | None


class Architecture(NamedTuple):
    """How the kernel's audit code names a machine, its seccomp(2), and its column in the table."""

    audit: int
    seccomp: int
    column: int


ARCHITECTURES: Final = {
    "x86_64": Architecture(audit=0xC000003E, seccomp=317, column=0),
    "aarch64": Architecture(audit=0xC00000B7, seccomp=277, column=1),
}

DENIED: Final = {
    # other programs and processes
    "execve": Numbers(59, 221),
    "execveat": Numbers(322, 281),
    "fork": Numbers(57, None),
    "vfork": Numbers(58, None),
    "clone": Numbers(56, 220),
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "pidfd_open": Numbers(434, 434),
    "pidfd_getfd": Numbers(438, 438),
    "kill": Numbers(62, 129),
    "tkill": Numbers(200, 130),
    "tgkill": Numbers(234, 131),
    "rt_sigqueueinfo": Numbers(129, 138),
    "rt_tgsigqueueinfo": Numbers(297, 240),
    "pidfd_send_signal": Numbers(424, 424),
    # the network; sendto stays, it is how an answer leaves on the socket that is there
    "socket": Numbers(41, 198),
    "socketpair": Numbers(53, 199),
    "connect": Numbers(42, 203),
    "bind": Numbers(49, 200),
    "listen": Numbers(50, 201),
    "accept": Numbers(43, 202),
    "accept4": Numbers(288, 242),
    "sendmsg": Numbers(46, 211),
    "sendmmsg": Numbers(307, 269),
    # the file system
    "open": Numbers(2, None),
    "openat": Numbers(257, 56),
    "openat2": Numbers(437, 437),
    "open_by_handle_at": Numbers(304, 265),
    "creat": Numbers(85, None),
    "truncate": Numbers(76, 45),
    "unlink": Numbers(87, None),
    "unlinkat": Numbers(263, 35),
    "rename": Numbers(82, None),
    "renameat": Numbers(264, 38),
    "renameat2": Numbers(316, 276),
    "link": Numbers(86, None),
    "linkat": Numbers(265, 37),
    "symlink": Numbers(88, None),
    "symlinkat": Numbers(266, 36),
    "mkdir": Numbers(83, None),
    "mkdirat": Numbers(258, 34),
    "mknod": Numbers(133, None),
    "mknodat": Numbers(259, 33),
    "chmod": Numbers(90, None),
    "fchmodat": Numbers(268, 53),
    "chown": Numbers(92, None),
    "fchownat": Numbers(260, 54),
    # more of the kernel than arithmetic needs
    "mount": Numbers(165, 40),
    "umount2": Numbers(166, 39),
    "pivot_root": Numbers(155, 41),
    "chroot": Numbers(161, 51),
    "unshare": Numbers(272, 97),
    "setns": Numbers(308, 268),
    "bpf": Numbers(321, 280),
    "perf_event_open": Numbers(298, 241),
    "userfaultfd": Numbers(323, 282),
    "add_key": Numbers(248, 217),
    "request_key": Numbers(249, 218),
    "keyctl": Numbers(250, 219),
    "fanotify_init": Numbers(300, 262),
    "io_uring_setup": Numbers(425, 425),
    "io_uring_enter": Numbers(426, 426),
    "io_uring_register": Numbers(427, 427),
}
_CLONE3: Final = 435  # on both; ENOSYS, so that the C library falls back to clone, which is refused
_POINTER_BYTES: Final = 8  # a 32-bit interpreter on such a kernel speaks by other numbers, and would be killed
_X32_BIT: Final = 0x40000000  # x86_64 only: the same calls by other numbers

# Classic BPF, linux/bpf_common.h and linux/seccomp.h.
_LOAD_WORD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_AT_NUMBER: Final = 0  # offsets in struct seccomp_data
_AT_ARCHITECTURE: Final = 4
_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_ERRNO: Final = 0x00050000
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _refuse(comparison: int, operand: int, code: int) -> list[bytes]:
    """Two instructions: when the loaded word compares, fail with this errno, else go on behind them."""
    return [_instruction(comparison, operand, 0, 1), _instruction(_RETURN, _ERRNO | code)]


def program(architecture: Architecture) -> bytes:
    """The filter for one architecture as an array of struct sock_filter (8 bytes each)."""
    lines = [
        _instruction(_LOAD_WORD, _AT_ARCHITECTURE),
        _instruction(_IF_EQUAL, architecture.audit, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _AT_NUMBER),
        *_refuse(_IF_AT_LEAST, _X32_BIT, errno.EPERM),
        *_refuse(_IF_EQUAL, _CLONE3, errno.ENOSYS),
    ]
    for numbers in DENIED.values():
        number = numbers[architecture.column]
        if number is not None:
            lines += _refuse(_IF_EQUAL, number, errno.EPERM)
    lines.append(_instruction(_RETURN, _ALLOW))
    return b"".join(lines)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict() -> None:
    """Install the filter for the whole process. Raises: OSError where the kernel or the machine has none."""
    architecture = ARCHITECTURES.get(kernel.machine())
    if architecture is None or ctypes.sizeof(ctypes.c_void_p) != _POINTER_BYTES:
        raise OSError(errno.ENOSYS, "no system call table for this machine")
    code = program(architecture)
    bpf = _Program(len(code) // 8, code)
    kernel.syscall(architecture.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(bpf))
