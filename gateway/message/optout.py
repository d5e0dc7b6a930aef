"""The token behind "no more such mail": who wants no more of what, sealed, and good for ever (RFC 8058 section 3.1).

Nothing in a link tells an address, and nobody without the key makes a token. It has no expiry: an opt-out must work for
30 days at least (16 CFR 316.5, 15 U.S.C. 7704(a)(3)(A)(ii)), and there is no reason why an older one should not.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

UNSUBSCRIBE: Final = "unsubscribe"  # `Vault.hash_key` of the tokens, which a new master key does not change
NONCE: Final = 12
LONGEST: Final = 1024  # letters of a token
_PLACE: Final = b"mailward unsubscribe 1"


@dataclass(frozen=True, slots=True)
class OptOut:
    """address: lower case. purpose: a word of X-Mailward-Purpose. sender: the domain that it gets no more from."""

    address: str
    purpose: str
    sender: str


def make_token(key: bytes, opt_out: OptOut) -> str:
    """key: 32 bytes. Returns: letters, digits, `-` and `_`."""
    nonce = os.urandom(NONCE)
    sealed = AESGCM(key).encrypt(nonce, msgspec.json.encode(opt_out), _PLACE)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def read_token(key: bytes, token: str) -> OptOut | None:
    """What a token says; None for anything that was not made with this key."""
    if len(token) > LONGEST or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], _PLACE), type=OptOut)
    except (binascii.Error, ValueError, InvalidTag, msgspec.DecodeError):
        return None


def fields_for(url: str) -> tuple[bytes, bytes]:
    """List-Unsubscribe and List-Unsubscribe-Post (RFC 8058 section 3.1). url: https, US-ASCII."""
    return (
        f"List-Unsubscribe: <{url}>\r\n".encode("ascii"),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    )
