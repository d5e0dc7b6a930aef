"""PostgreSQL's errors in the store's words: whose fault a failure is. No text shows a value of a row.

asyncpg and the server put values into their messages (`DETAIL: Key (address)=(...)`), so those of a unit's own fault
are dropped, cause included; what the surroundings did is told in the server's words, which name users and databases.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import sqlalchemy as sa

from gateway.store.errors import RowRefused, StoreFull, StoreSick, StoreUnsupported

DISK_FULL: Final = "53100"
COLLISIONS: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: the same again may well succeed
NOT_ALLOWED: Final = "42501"
# Classes of postgresql.org/docs/current/errcodes-appendix.html that say nothing about the rows that were written.
SURROUNDINGS: Final = frozenset({"08", "25", "28", "3D", "53", "55", "57", "58", "F0", "XX"})


class Collided(StoreSick):
    """Another process was in the way; nothing was written. Try again."""


def in_words(error: BaseException) -> Exception:
    """What has to be raised instead of an error of driver or server."""
    cause: Any = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    if state == DISK_FULL:
        return StoreFull("PostgreSQL has no space left")
    if state in COLLISIONS:
        return Collided("PostgreSQL: another process was in the way")
    if state[:2] in SURROUNDINGS or state == NOT_ALLOWED:
        return StoreSick(f"PostgreSQL: {_message(cause)} ({state})")
    if state:
        server = cause if isinstance(cause, asyncpg.PostgresError) else cause.__cause__
        return RowRefused(f"PostgreSQL: {state} {getattr(server, 'constraint_name', None) or ''}".rstrip())
    if isinstance(cause, asyncpg.ClientConfigurationError):
        return StoreUnsupported(f"store.url: {_message(cause)}")
    if isinstance(cause, TimeoutError):
        return StoreSick("PostgreSQL does not answer in time")
    if isinstance(cause, OSError):
        return StoreSick(f"PostgreSQL cannot be reached: {cause.strerror or _message(cause)}")
    return StoreSick(f"PostgreSQL: {type(cause).__name__}")


@contextmanager
def in_our_words(*, may_connect: bool = True) -> Iterator[None]:
    """Raise StoreFull, StoreSick or RowRefused where driver or server report something.

    may_connect: an OSError is the connection's; else it may be of the caller's own making and passes.
    """
    try:
        yield
    except (sa.exc.DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise in_words(error) from None
    except OSError as error:  # no connection, or no answer in time
        if not may_connect and not isinstance(error, ConnectionError | TimeoutError):
            raise
        raise in_words(error) from None


def _message(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
