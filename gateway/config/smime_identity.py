"""What is wrong with a certificate that signs inside what S/MIME encrypts. Pure."""

from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

E = TypeVar("E", bound=x509.ExtensionType)


def validity_fault(certificate: x509.Certificate, now: datetime) -> str:
    """Why it is not valid at the moment, or nothing."""
    if now > certificate.not_valid_after_utc:  # RFC 5280 section 4.1.2.5: inclusive
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}; renew it"
    if now < certificate.not_valid_before_utc:
        return f"is valid only from {certificate.not_valid_before_utc:%Y-%m-%d} on; check the clock"
    return ""


def signer_fault(certificate: x509.Certificate, *, domain: str) -> str:
    """Why recipients' programs would not take its signatures under our mail, or nothing; validity aside.

    domain: whose mail it is to sign, lower case; empty: of several, so that its addresses say nothing.
    """
    try:
        return _signer_fault(certificate, domain)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return "cannot be read"


def _signer_fault(certificate: x509.Certificate, domain: str) -> str:
    if not isinstance(certificate.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return "has a key that is neither RSA nor an elliptic curve"
    purposes = _value(certificate, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and allowed.isdisjoint(purposes):  # RFC 8550 section 4.4.4
        return "is not meant for mail (extended key usage without emailProtection)"
    usage = _value(certificate, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):  # RFC 8550 section 4.4.2
        return "is not meant for signatures (key usage without digitalSignature)"
    if domain and domain not in _domains(certificate):  # RFC 8550 section 3: programs compare it with From
        return f"was issued for no address at {domain}"
    return ""


def _value(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _domains(certificate: x509.Certificate) -> set[str]:
    """Of the mail addresses in it: subjectAltName, and the subject's old attribute."""
    names = _value(certificate, x509.SubjectAlternativeName)
    found = list(names.get_values_for_type(x509.RFC822Name)) if names is not None else []
    found += [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    return {address.rpartition("@")[2].lower() for address in found}
