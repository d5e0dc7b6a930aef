"""The wire between parent and child: one request, one answer, in turn, over a stream socketpair.

A request is `REQUEST`, the header, and the blob; a blob above `INLINE_MAX` travels as a memory file whose descriptor
comes with the first byte (SCM_RIGHTS), so that a large message is not pumped through the socket.
An answer is `ANSWER` and its bytes. The first answer of a child is unasked: it names the layers that confine it.
"""

import struct
from enum import IntEnum
from typing import Final

INLINE_MAX: Final = 256 * 1024  # bytes; measured: above it a memory file is cheaper
HEADER_MAX: Final = 64 * 1024  # bytes; with the prefix it fits an empty socket buffer in one write

REQUEST: Final = struct.Struct("!IQB")  # header length, blob length, place of the blob
ANSWER: Final = struct.Struct("!BI")  # status, length


class Place(IntEnum):
    """Where the blob of a request is."""

    INLINE = 0
    MEMORY_FILE = 1


class Status(IntEnum):
    """How a job ended, as its child tells it; a failure carries no bytes, since its text could hold content."""

    DONE = 0
    FAILED = 1
