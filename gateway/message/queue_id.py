"""Queue ids: sortable by time, unique across nodes, safe in file names, log lines and SMTP replies."""

import os
import time
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U
LENGTH: Final = 26  # 130 bits: 48 of time, 80 of chance, two spare


def new_queue_id() -> str:
    """A fresh id from the wall clock and the system's random source."""
    return make_queue_id(time_ms=time.time_ns() // 1_000_000, chance=os.urandom(10))


def make_queue_id(*, time_ms: int, chance: bytes) -> str:
    """Build an id.

    time_ms: milliseconds since 1970, below 2**48. chance: ten random bytes.
    Returns: 26 characters whose order as text is the order of their times.
    """
    number = (time_ms << 80) | int.from_bytes(chance, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
