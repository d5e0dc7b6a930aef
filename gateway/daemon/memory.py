"""How the C library's allocator is to treat what large messages leave behind."""

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3  # mallopt(3)
LARGE_BYTES: Final = 1024 * 1024


def give_back_large_blocks() -> None:
    """Have freed blocks above 1 MiB returned to the system at once.

    glibc raises that bound to 32 MiB by itself once a large block was freed; from then on large messages and small
    buffers share one heap, whose gaps stay resident: 100 MiB after sixty messages of 25 MB. Does nothing on a C library
    without `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
