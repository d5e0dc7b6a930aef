"""Tokens, codes and PINs that open a portal message: how they are made, hashed, compared and read from a form.

Whoever publishes a portal message and whoever opens it have to agree on these; nobody keeps them in clear. Hashing a
code or PIN takes about 0.1 s and 64 MiB by design: call it in a thread.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

TOKEN_BYTES: Final = 32  # at least 128 bits, PO-04
CODE_DIGITS: Final = 6  # about 20 bits, PO-01; five tries and ten minutes make them enough
PIN_DIGITS: Final = 8
TRIES: Final = 5
REFERENCE_LETTERS: Final = 4
TYPED_MAX: Final = 40  # characters of a form field that are looked at

_HASHER: Final = PasswordHasher()  # RFC 9106 section 4, second recommended option
_NOBODY: Final = _HASHER.hash(secrets.token_urlsafe(16))


def new_token() -> str:
    """The secret part of a link, URL-safe."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> bytes:
    """What is stored of a token or a session id: SHA-256, 32 octets. Enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).digest()


def new_code() -> str:
    """A one-time code of six digits, to be mailed."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def new_pin() -> str:
    """A PIN as people say it on the telephone: "4817-2290"."""
    digits = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
    return f"{digits[:4]}-{digits[4:]}"


def read_digits(typed: str) -> str:
    """The digits of what somebody typed or pasted; blanks, dashes and everything else are dropped."""
    return "".join(letter for letter in typed[:TYPED_MAX] if letter in "0123456789")


def hash_secret(secret: str) -> str:
    """Argon2id of a code or PIN, however it is written."""
    return _HASHER.hash(read_digits(secret))


def is_right(secret_hash: str, typed: str) -> bool:
    """Compare in constant time (KY-10); an empty hash takes as long and is never right."""
    try:
        _HASHER.verify(secret_hash or _NOBODY, read_digits(typed))
    except (VerificationError, InvalidHashError):
        return False
    return bool(secret_hash)


def reference_of(secret_hash: str) -> str:
    """Four letters that tie a code mail to its page; the salt in the hash keeps them from telling anything else."""
    digest = hashlib.sha256(b"reference:" + secret_hash.encode()).digest()
    return base64.b32encode(digest)[:REFERENCE_LETTERS].decode()


def form_token(secret: str, purpose: bytes) -> str:
    """A hidden form field that only who knows the cookie `secret` can make (PO-07)."""
    return hmac.new(secret.encode("utf-8", errors="surrogatepass"), purpose, hashlib.sha256).hexdigest()
