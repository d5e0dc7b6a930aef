"""Password hashes of people: one profile, in one place."""

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Argon2id with 46 MiB, one pass, one lane: OWASP Password Storage Cheat Sheet; about 40 ms, memory bound.
HASHER: Final = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)


def hash_password(password: str) -> str:
    """The PHC string to store. Takes tens of milliseconds: not on the event loop."""
    return HASHER.hash(_prepare(password))


def matches(stored: str, password: str) -> bool:
    """Whether a password is the one behind a stored PHC string; False for a string that is none. Slow, as above."""
    try:
        return HASHER.verify(stored, _prepare(password))
    except (VerificationError, InvalidHashError):
        return False


def _prepare(password: str) -> str:
    """The same characters typed on another system are the same password (RFC 8265 section 4.2.2, its rule 4)."""
    return unicodedata.normalize("NFC", password)
