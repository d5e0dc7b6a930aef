"""Hashes of people's passwords, one profile in one place; and the secrets of programs.

Argon2id makes guessing words that people choose expensive. A program's secret is 130 random bits, which nobody guesses,
so SHA-256 keeps it as safe, and a program that signs in a thousand times a minute costs nothing.
"""

import hashlib
import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Argon2id with 46 MiB, one pass, one lane: OWASP Password Storage Cheat Sheet; about 40 ms, memory bound.
HASHER: Final = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)

# 32 letters that no panel of a device lacks and hardly anybody confuses: 5 bits each, 26 of them are 130 bits.
LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
SECRET_LETTERS: Final = 26


def new_secret() -> str:
    """A password for a program; fits into the 32 characters that old devices take."""
    return "".join(secrets.choice(LETTERS) for _ in range(SECRET_LETTERS))


def hash_secret(secret: str) -> str:
    """What is kept of a program's secret: SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


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
