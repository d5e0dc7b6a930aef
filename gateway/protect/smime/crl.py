"""Revocation lists, as they are given at import (RFC 5280 section 5).

None is fetched: a look-up tells a stranger who is a patient.
"""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.protect.errors import CertificateError
from gateway.protect.smime.judge import STRONG, WHAT_X509_RAISES, load


def load_crl(data: bytes) -> x509.CertificateRevocationList:
    """Read one list, PEM or DER. Raises: CertificateError."""
    read = x509.load_pem_x509_crl if b"-----BEGIN" in data else x509.load_der_x509_crl
    try:
        return read(data)
    except WHAT_X509_RAISES:
        raise CertificateError("not a certificate revocation list that we can read") from None


def is_revoked(certificate: bytes, issuer: bytes, crl: x509.CertificateRevocationList, *, now: datetime) -> bool:
    """Whether the list revokes the certificate; a list of partial scope revokes what it names all the same.

    certificate, issuer: DER.
    Raises: CertificateError when the list is another authority's, forged, weak or out of date, so that it says nothing.
    """
    ours, above = load(certificate), load(issuer)
    try:
        if crl.issuer != ours.issuer or crl.issuer != above.subject:
            raise CertificateError("the revocation list is of another authority")
        algorithm = crl.signature_hash_algorithm
        if algorithm is not None and not isinstance(algorithm, STRONG):
            raise CertificateError("the revocation list has a weak signature")
        if not crl.is_signature_valid(above.public_key()):  # type: ignore[arg-type]
            raise CertificateError("the revocation list is not signed by the certificate's issuer")
        if crl.next_update_utc is None or not crl.last_update_utc <= now <= crl.next_update_utc:
            raise CertificateError("the revocation list is out of date")
        return crl.get_revoked_certificate_by_serial_number(ours.serial_number) is not None
    except (InvalidSignature, *WHAT_X509_RAISES):
        raise CertificateError("the revocation list cannot be checked") from None
