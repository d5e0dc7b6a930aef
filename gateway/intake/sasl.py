"""AUTH mechanisms as sans-I/O conversations: each yields challenges, is sent responses, and returns credentials.

PLAIN and LOGIN send the password itself, so they are offered under TLS only (RFC 4954 section 4).
"""

import base64
import binascii
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import RefusedError

MAX_CREDENTIAL: Final = 4096  # octets of user name or password: 1,024 characters of UTF-8


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client claims: who it is, and the password. Never printed."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a client says it is, when the proof is its certificate. identity: empty for the one that the proof names."""

    identity: str


class CredentialsError(Exception):
    """The responses hold no usable user name and password: counts as a failed attempt."""


Conversation = Generator[bytes, bytes, Credentials | Claim]


def plain(initial: bytes | None) -> Conversation:
    """PLAIN: `[authzid] NUL authcid NUL password` (RFC 4616). Acting for another user is not permitted (SA-05)."""
    response = (yield b"") if initial is None else initial
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise CredentialsError
    authzid, user, password = parts
    if authzid and authzid.lower() != user.lower():
        raise CredentialsError
    return _credentials(user, password)


def login(initial: bytes | None) -> Conversation:
    """LOGIN: user name and password one after the other (draft-murchison-sasl-login-00), as Outlook and devices do."""
    user = (yield b"Username:") if initial is None else initial
    password = yield b"Password:"
    return _credentials(user, password)


def external(initial: bytes | None) -> Conversation:
    """EXTERNAL: the identity to act as, or nothing (RFC 4422 appendix A)."""
    response = (yield b"") if initial is None else initial
    try:
        return Claim(response.decode("utf-8"))
    except UnicodeDecodeError:
        raise CredentialsError from None


EXTERNAL: Final = "EXTERNAL"  # offered to who has shown a certificate with an address
MECHANISMS: Final[Mapping[str, Callable[[bytes | None], Conversation]]] = {
    EXTERNAL: external,
    "PLAIN": plain,
    "LOGIN": login,
}


def decode_initial(text: str) -> bytes | None:
    """The initial response on the AUTH line: None when absent, empty for `=` (RFC 4954 section 4), which may refuse."""
    if not text:
        return None
    return b"" if text == "=" else decode_response(text.encode("ascii"))


def decode_response(line: bytes) -> bytes:
    """One line from the client. Raises: RefusedError with 501 when it cancels or is not base64."""
    if line == b"*":
        raise RefusedError(replies.AUTH_CANCELLED)
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise RefusedError(replies.BAD_BASE64) from None


def _credentials(user: bytes, password: bytes) -> Credentials:
    if not (0 < len(user) <= MAX_CREDENTIAL and 0 < len(password) <= MAX_CREDENTIAL) or 0 in user + password:
        raise CredentialsError
    try:
        return Credentials(user.decode("utf-8"), password.decode("utf-8"))
    except UnicodeDecodeError:
        raise CredentialsError from None
