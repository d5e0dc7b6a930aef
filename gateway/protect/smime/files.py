"""Certificates in files: PEM, DER and PKCS #7 (P7B) for import, and bundles of trust anchors."""

import re
import ssl
import warnings
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from gateway.protect.errors import CertificateError
from gateway.protect.smime import der
from gateway.protect.smime.judge import WHAT_X509_RAISES

MAX_FILE: Final = 1 << 20  # octets
MAX_CERTIFICATES: Final = 200
PEM: Final = re.compile(
    r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----"
)
SYSTEM_FILES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # Debian; Fedora


def split_certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates in a file.

    data: PEM (with any text around), DER or PKCS #7 in either.
    Returns: DER, in order, each once, at least one.
    Raises: CertificateError for anything else, and for private keys, which must not be here.
    """
    if len(data) > MAX_FILE:
        raise CertificateError(f"larger than {MAX_FILE >> 20} MiB")
    if b"PRIVATE KEY-----" in data:
        raise CertificateError("this holds a private key; import the certificate alone")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd serial numbers and PKCS #7 in BER; neither makes a difference here
            found = _read(data)
    except WHAT_X509_RAISES:
        raise CertificateError("no X.509 certificate in this file") from None
    if not found:
        raise CertificateError("no X.509 certificate in this file")
    if len(found) > MAX_CERTIFICATES:
        raise CertificateError(f"more than {MAX_CERTIFICATES} certificates")
    return tuple(dict.fromkeys(certificate.public_bytes(Encoding.DER) for certificate in found))


def load_anchors(ca_file: Path | None) -> frozenset[bytes]:
    """`smime.ca_file` and the system's anchors, DER. Raises: OSError, CertificateError, for the former."""
    found = _system_anchors()
    if ca_file is not None:
        own = _bundle(ca_file.read_text("ascii", "replace"))
        if not own:
            raise CertificateError("no certificate in this file")
        found |= own
    return found


def _read(data: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN PKCS7-----" in data:
        return pkcs7.load_pem_pkcs7_certificates(data)
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificates(data)
    try:
        return [x509.load_der_x509_certificate(data)]
    except WHAT_X509_RAISES:
        return pkcs7.load_der_pkcs7_certificates(data)


def _system_anchors() -> frozenset[bytes]:
    for path in filter(None, (ssl.get_default_verify_paths().cafile, *SYSTEM_FILES)):
        try:
            return _bundle(Path(path).read_text("ascii", "replace"))
        except OSError:
            continue
    return frozenset()


def _bundle(text: str) -> frozenset[bytes]:
    """All that stand in a PEM file; one that is damaged is no anchor."""
    found: set[bytes] = set()
    for match in PEM.finditer(text):
        try:
            found.add(der.read(ssl.PEM_cert_to_DER_cert(match[0]), der.SEQUENCE).raw)
        except (ValueError, CertificateError):
            continue
    return frozenset(found)
