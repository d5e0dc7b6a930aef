"""What can go wrong in the store.

StoreError                  base, never raised
├── StoreFull               no room: answer 452, pause deliveries, try again later
├── StoreSick               the last write failed: answer 451, pause deliveries, wait for `Store.wait_healthy`
├── StoreClosed             the gateway is stopping: answer 421
├── MissingRow              the row is not there, or has its ending by now: nothing was written, look again
├── RowRefused              a row breaks a constraint, such as an id given twice: nothing was written, it is a bug
├── StoreLocked             another process has this data_dir or database: stop it, or ask it through the control socket
├── StoreMissing            there is no database to read: start the gateway once
├── StoreUnsupported        the configured url cannot be used: mend it, or install the extra that is named
├── SchemaTooNew            a newer Mailward wrote this database: install that version, or restore a backup
├── DamagedStore            the database file is corrupt: restore a backup; nothing is repaired silently
├── MasterKeyError          base, never raised: what is wrong with the key file
│   ├── KeyMismatch         missing, or not the key that sealed this data: bring the right one back
│   └── KeyUnusable         unreadable, malformed, or readable by others: fix the file
└── ContentError            base, never raised: about one message, the queue goes on
    ├── DamagedContent      its ciphertext was altered, cut or moved: hold the message and tell an operator
    └── ContentGone         its key was destroyed, or it never existed

A backend may raise a narrower one of its own; whoever has a table by class reads it with `row_for`.
"""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class StoreError(Exception):
    """Base of this room's errors; the text is one line for an operator, without content or key material."""


class StoreFull(StoreError):
    """Not enough space: refuse new mail with 452 until `Store.accepting` is true again."""


class StoreSick(StoreError):
    """The last write failed or the database cannot be reached: refuse with 451 and wait for `Store.wait_healthy`."""


class StoreClosed(StoreError):
    """The store was closed; start no new work."""


class MissingRow(StoreError):
    """A change named a row that does not exist, or an entry that ended meanwhile; the whole unit was rolled back."""


class RowRefused(StoreError):
    """A row breaks a constraint of its table; the whole unit was rolled back. The text shows no values."""


class StoreLocked(StoreError):
    """Another process holds data_dir or the database; stop it first, or use its control socket."""


class StoreMissing(StoreError):
    """There is no database yet; the first start of a gateway makes one."""


class StoreUnsupported(StoreError):
    """`store.url` cannot be used: its driver is not installed, or does not understand it."""


class SchemaTooNew(StoreError):
    """The database was written by a newer version; install that one, or restore a backup."""


class DamagedStore(StoreError):
    """The database file is corrupt; restore a backup."""


class MasterKeyError(StoreError):
    """Base of what can be wrong with the master key file."""


class KeyMismatch(MasterKeyError):
    """The master key is missing or is not the one that sealed this data; bring it back, no new one is made."""


class KeyUnusable(MasterKeyError):
    """The master key file cannot be read, has the wrong form, or others may read it; fix the file."""


class ContentError(StoreError):
    """Base of what can be wrong with one message's content."""


class DamagedContent(ContentError):
    """Ciphertext failed its authentication; hold this message, the queue goes on."""


class ContentGone(ContentError):
    """The content was destroyed or never existed."""


def row_for(error: Exception, table: Mapping[type[Exception], T]) -> T:
    """What a table by class has for an error: the row of its own class, else of the nearest base.

    Raises: KeyError when no row is meant for it (a bug in the caller).
    """
    for kind in type(error).__mro__:
        if kind in table:
            return table[kind]
    raise KeyError(type(error))
