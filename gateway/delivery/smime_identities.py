"""Who signs inside what the rung `smime` encrypts: the sending domain's certificate, else that of all domains.

Read at start and again when the files change (`daemon.renewal`). A new pair that cannot be used leaves the old one in
use; mail of a domain whose identity cannot be used at all, or has expired, waits: it never leaves unsigned because of a
file (CR-13).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.config.smime_identity import signer_fault, validity_fault
from gateway.config.smime_places import IdentityFiles
from gateway.log import get_logger
from gateway.protect.errors import CertificateError, SealError
from gateway.protect.smime.mail import Identity

log = get_logger("delivery")


@dataclass(frozen=True, slots=True)
class _Loaded:
    identity: Identity
    certificate: x509.Certificate


class SmimeIdentities:
    """files: every identity of the configuration, complete."""

    def __init__(
        self, files: Iterable[IdentityFiles] = (), *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._files = {one.domain: one for one in files}
        self._clock = clock
        self._loaded: dict[str, _Loaded] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, to be watched."""
        return tuple(path for one in self._files.values() for path in one.paths)

    def read(self) -> bool:
        """Read all the files. Blocks for as long as an RSA key takes. Returns: False when an identity is bad."""
        is_good = True
        for domain, files in self._files.items():
            try:
                self._loaded[domain] = _load(files, self._clock())
            except (CertificateError, OSError) as why:
                text = f"{files.name}: {why}"
                log.error("S/MIME identity not read", why=text, in_use="the old one" if domain in self._loaded else "")
                is_good = False
        return is_good

    def of(self, domain: str) -> Identity | None:
        """Who signs the mail of a domain, lower case; None: it is not signed.

        Raises: SealError with the reason when somebody should, and cannot.
        """
        files = self._files.get(domain) or self._files.get("")
        if files is None:
            return None
        loaded = self._loaded.get(files.domain)
        if loaded is None:
            raise SealError(f"{files.name} cannot be used")
        if fault := validity_fault(loaded.certificate, self._clock()):
            raise SealError(f"{files.name} {fault}")
        return loaded.identity


def _load(files: IdentityFiles, now: datetime) -> _Loaded:
    """One pair that belongs together, may sign for its domain and is valid. Raises: CertificateError, OSError."""
    if files.certificate is None or files.private_key is None:
        raise CertificateError("one of certificate and key is missing")
    chain_pem, key_pem = files.certificate.read_bytes(), files.private_key.read_bytes()
    try:
        certificate = x509.load_pem_x509_certificates(chain_pem)[0]
        key = load_pem_private_key(key_pem, None)
        is_pair = key.public_key() == certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError("no PEM certificate, or no private key without a passphrase") from None
    if not is_pair:
        raise CertificateError(f"{files.private_key} is not the key of {files.certificate}")
    if fault := validity_fault(certificate, now) or signer_fault(certificate, domain=files.domain):
        raise CertificateError(f"{files.certificate} {fault}")
    return _Loaded(Identity(chain_pem, key_pem), certificate)
