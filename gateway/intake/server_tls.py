"""TLS as a server: TLS 1.2 with ECDHE and AEAD, and TLS 1.3 (SA-09; RFC 9325 section 4.2)."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.config.model import ServerTls
from gateway.log import get_logger

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # TLS 1.2; the suites of TLS 1.3 are all AEAD

log: Final = get_logger("intake")


class CertificateError(Exception):
    """Certificate or key cannot be used; the text names the file and what is wrong. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCheck:
    """What is asked of clients. ca: anchors of their certificates, PEM. is_required: no session without one (SA-10)."""

    ca: Path
    is_required: bool


class ServerCertificate:
    """The contexts for new sessions, one for each client check; old sessions keep the one they began with (SA-12)."""

    def __init__(self, settings: ServerTls, checks: Iterable[ClientCheck | None]) -> None:
        self._settings = settings
        self._checks = frozenset(checks)
        self._contexts = self._build()

    def context(self, check: ClientCheck | None) -> ssl.SSLContext:
        """The newest that could be read."""
        return self._contexts[check]

    def reload(self) -> bool:
        """Read the files again. Returns: False when one is bad; the old ones all stay in use then."""
        try:
            self._contexts = self._build()
        except CertificateError as error:
            log.error("certificate_not_reloaded", why=str(error))
            return False
        return True

    def _build(self) -> Mapping[ClientCheck | None, ssl.SSLContext]:
        return {check: build_context(self._settings, check) for check in self._checks}


def build_context(settings: ServerTls, check: ClientCheck | None) -> ssl.SSLContext:
    """A context from certificate and key, and the anchors for clients. Raises: CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.minimum_version.protocol
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # RFC 9325 section 3.4: ticket keys are changed regularly. OpenSSL keeps one as long as the context lives, and who
    # learns it reads every session of TLS 1.2 that had a ticket: none are given.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_ciphers(CIPHERS)
    try:
        context.load_cert_chain(settings.certificate, settings.private_key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(_explain(error, settings.certificate, settings.private_key)) from error
    if check:
        _ask_clients(context, check)
    return context


def _ask_clients(context: ssl.SSLContext, check: ClientCheck) -> None:
    """A client that shows a certificate shows a good one, whether or not it must. Raises: CertificateError.

    OpenSSL remembers a session of TLS 1.2 for two hours, and does not verify one anew that is taken up in that time,
    even if its certificate has just expired; Python cannot turn that off. A reload forgets them all.
    """
    context.verify_mode = ssl.CERT_REQUIRED if check.is_required else ssl.CERT_OPTIONAL
    try:
        context.load_verify_locations(check.ca)
    except (OSError, ssl.SSLError) as error:
        why = "holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise CertificateError(f"{check.ca}: {why}") from error


def _no_password() -> str:
    """An encrypted key is an error: OpenSSL would ask on the terminal otherwise."""
    return ""


def _explain(error: Exception, certificate: Path, key: Path) -> str:
    for path in (certificate, key):
        if not path.is_file():
            return f"{path}: no such file"
    if isinstance(error, PermissionError):
        return f"{certificate} or {key}: not readable by this user"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{key}: is not the private key of {certificate}"
    return f"{certificate} or {key}: not PEM, not its key, or the key is encrypted"
