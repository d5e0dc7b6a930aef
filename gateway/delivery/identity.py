"""Who we are to a next hop: the password file read, the client certificate in TLS contexts of its own.

Both are read again when they change, so that a new password or certificate needs no restart.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.config.smart_hosts import Identity
from gateway.delivery.login import Login
from tls.contexts import Contexts, build_contexts

PASSWORD_LIMIT: Final = 4096  # octets

Stamp = tuple[int, ...]


class NoIdentity(Exception):
    """Password or certificate cannot be read at the moment; the mail waits. The text names the file."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    stamp: Stamp
    contexts: Contexts


class Identities:
    """What `Identity` names, as a session needs it."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """ca_file: extra trust anchors for the contexts, beside the system's (`delivery.ca_file`)."""
        self._ca_file = ca_file
        self._loaded: dict[Identity, _Loaded] = {}

    async def login(self, identity: Identity) -> Login:
        """Raises: NoIdentity."""
        password = ""
        if identity.password_file is not None:
            password = await asyncio.to_thread(_read_password, identity.password_file)
        return Login(name=identity.login, password=password, has_certificate=identity.certificate is not None)

    async def contexts(self, identity: Identity, usual: Contexts) -> Contexts:
        """The usual ones, or where there is a certificate to show, such as show it. Raises: NoIdentity."""
        if identity.certificate is None:
            return usual
        known = self._loaded.get(identity)
        stamp = _stamp(identity)
        if known is None or known.stamp != stamp:
            contexts = await asyncio.to_thread(_build, identity, self._ca_file)
            known = self._loaded[identity] = _Loaded(stamp, contexts)
        return known.contexts


def _read_password(path: Path) -> str:
    """One line; its end is not part of the password."""
    try:
        with path.open("rb") as file:
            password = file.read(PASSWORD_LIMIT + 1).rstrip(b"\r\n").decode()
    except (OSError, UnicodeDecodeError) as error:
        raise NoIdentity(f"{path} cannot be read") from error
    if not password or len(password) > PASSWORD_LIMIT or any(letter < " " for letter in password):
        raise NoIdentity(f"{path} holds no password of one line")
    return password


def _stamp(identity: Identity) -> Stamp:
    try:
        found = [path.stat() for path in (identity.certificate, identity.private_key) if path is not None]
    except OSError as error:
        raise NoIdentity(f"{identity.certificate} cannot be read") from error
    return tuple(number for one in found for number in (one.st_mtime_ns, one.st_ino, one.st_size))


def _build(identity: Identity, ca_file: Path | None) -> Contexts:
    """New contexts, so that no other host is ever shown the certificate."""
    contexts = build_contexts(ca_file)
    if identity.certificate is None:
        raise NoIdentity("no certificate")
    try:
        for context in (contexts.verified, contexts.unauthenticated):
            context.load_cert_chain(identity.certificate, identity.private_key, password="")
    except (OSError, ssl.SSLError) as error:
        raise NoIdentity(f"{identity.certificate} and its key cannot be used") from error
    return contexts
