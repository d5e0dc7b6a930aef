"""Whose fault a failed write is: the surroundings' (disk, file, lock), or the unit's own."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import sqlalchemy as sa

from gateway.log import get_logger
from gateway.store.errors import StoreFull, StoreSick

FULL: Final = frozenset({sqlite3.SQLITE_FULL})
SICK: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
FULL_ERRNO: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

EnvironmentFault = StoreFull | StoreSick

log = get_logger("store")


def environment_fault(error: Exception) -> EnvironmentFault | None:
    """What the surroundings did, or None when the unit itself cannot be written (a constraint, a wrong type)."""
    if isinstance(error, StoreFull | StoreSick):
        return error
    if isinstance(error, OSError):
        name = errno.errorcode.get(error.errno or 0, "unknown error")
        return StoreFull("no space left for the store") if error.errno in FULL_ERRNO else StoreSick(f"store: {name}")
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # primary result code, sqlite.org/rescode.html
        if code in FULL:
            return StoreFull("no space left for the store")
        if code in SICK:
            return StoreSick(f"the database cannot be written: {cause.sqlite_errorname}")
    return None


@contextmanager
def reading_registers() -> Iterator[None]:
    """Raise StoreSick where an entry of a register, or its whole table, cannot be read; the log has what it was."""
    try:
        yield
    except (sa.exc.DBAPIError, msgspec.MsgspecError, ValueError) as error:
        log.error("register cannot be read, what needs it waits", why=type(error).__name__)
        raise StoreSick("a register cannot be read") from error


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise StoreFull or StoreSick where the database driver reports what disk, file or lock did."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        fault = environment_fault(error)
        if fault is None:
            raise
        raise fault from error
