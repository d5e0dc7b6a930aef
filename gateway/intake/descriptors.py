"""File descriptors: how many sessions may have, so that the store, deliveries and inspectors never lack one (RX-11).

How this works: the kernel gives out the lowest free number, so the number of a fresh connection says how many are in
use. One that is too high is answered 421 and closed. Were they used up to the last, nobody could be accepted, not even
to be told so. A large message takes a second one, for its spool; past the sessions' ceiling spools may take half of
what is left, so that idle sessions do not keep mail out, and large mail does not keep deliveries in.
"""

import resource
import sys
from collections.abc import Sequence
from typing import Final

from gateway.config.model import Listener

RESERVED: Final = 512  # deliveries (100 at once), portal, store, children, spools


def wanted(listeners: Sequence[Listener]) -> int:
    """What the configured connections need, each with a spool, and everything else beside them."""
    return 2 * sum(listener.limits.connections for listener in listeners) + RESERVED


def make_room(wanted: int) -> int:
    """Raise the soft limit as far as wanted and allowed; `mailward serve` at its start. Returns: what it is now."""
    soft, hard = map(_number, resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < wanted and soft < hard:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return soft


def session_ceiling() -> int:
    """The number from which on a connection is turned away; a quarter of a very low limit is kept for the rest."""
    soft = _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return soft - _reserve(soft)


def spool_ceiling() -> int:
    """The number from which on a large message finds no room."""
    soft = _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return soft - _reserve(soft) // 2


def _reserve(soft: int) -> int:
    return min(RESERVED, soft // 4)


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
