"""TLS as a server: TLS 1.2 with ECDHE and AEAD, and TLS 1.3 (SA-09; RFC 9325 section 4.2)."""

import ssl
from pathlib import Path
from typing import Final

from gateway.config.model import ServerTls
from gateway.log import get_logger

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # TLS 1.2; the suites of TLS 1.3 are all AEAD

log: Final = get_logger("intake")


class CertificateError(Exception):
    """Certificate or key cannot be used; the text names the file and what is wrong. Nothing was changed."""


class ServerCertificate:
    """The context for new sessions; old sessions keep the one they began with (SA-12)."""

    def __init__(self, settings: ServerTls) -> None:
        self._settings = settings
        self._context = build_context(settings)

    @property
    def context(self) -> ssl.SSLContext:
        """The newest that could be read."""
        return self._context

    def reload(self) -> bool:
        """Read the files again. Returns: False when they are bad; the old certificate stays in use then."""
        try:
            self._context = build_context(self._settings)
        except CertificateError as error:
            log.error("certificate_not_reloaded", why=str(error))
            return False
        return True


def build_context(settings: ServerTls) -> ssl.SSLContext:
    """A context from certificate and key. Raises: CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.minimum_version.protocol
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    try:
        context.load_cert_chain(settings.certificate, settings.private_key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(_explain(error, settings.certificate, settings.private_key)) from error
    return context


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
