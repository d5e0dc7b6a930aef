"""Which S/MIME certificates we encrypt to, and why not (CR-05). `cryptography` reads them; the judgement is ours.

The issuers are `chain`'s business, revocation is `crl`'s.
"""

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, PublicKeyAlgorithmOID

from gateway.message.address import AddressError, parse_address
from gateway.protect.errors import CertificateError
from gateway.protect.smime import cms, der

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 16_384  # a larger one only costs time
MAX_OCTETS: Final = 32_768  # of one certificate; it travels to the sealer with every message
SMIME_CAPABILITIES: Final = x509.ObjectIdentifier("1.2.840.113549.1.9.15")  # RFC 4262
STRONG: Final = (hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)
E = TypeVar("E", bound=x509.ExtensionType)
READ: Final = frozenset(  # extensions whose meaning is obeyed here or in `chain`; another critical one is a refusal
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,  # RFC 5280 section 6.1.1: any policy is acceptable to us
    }
)
WHAT_X509_RAISES: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, OverflowError)


class Capability(StrEnum):
    """What a recipient's program opens beside what every S/MIME program must."""

    AES256_GCM = "aes256-gcm"
    OAEP = "rsaes-oaep-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate is good for.

    fingerprint: SHA-256, upper-case hexadecimal. addresses: normalised, in lower case. capabilities: as the certificate
    says (RFC 4262). why_not: a sentence without a final stop, empty when usable as far as it itself shows.
    """

    fingerprint: str
    addresses: tuple[str, ...]
    algorithm: str
    expires_at: datetime
    capabilities: frozenset[Capability]
    is_authority: bool
    why_not: str


def load(data: bytes) -> x509.Certificate:
    """Read one certificate, DER. Raises: CertificateError."""
    if len(data) > MAX_OCTETS:
        raise CertificateError("the certificate is too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor of the system's has a serial number below zero
            return x509.load_der_x509_certificate(data)
    except WHAT_X509_RAISES:
        raise CertificateError("not an X.509 certificate that we can read") from None


def fingerprint(data: bytes) -> str:
    """SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` without the colons."""
    return hashlib.sha256(data).hexdigest().upper()


def read_certificate(data: bytes, *, now: datetime) -> CertificateFacts:
    """Judge one certificate, DER.

    now: aware; decides validity.
    Raises: CertificateError when it is none at all; one that may not be used has `why_not`.
    """
    certificate = load(data)
    try:
        return CertificateFacts(
            fingerprint=fingerprint(data),
            addresses=addresses(certificate),
            algorithm=_algorithm(certificate),
            expires_at=certificate.not_valid_after_utc,
            capabilities=_capabilities(certificate),
            is_authority=is_authority(certificate),
            why_not=next(_faults(certificate, now), ""),
        )
    except (*WHAT_X509_RAISES, CertificateError):
        raise CertificateError("not an X.509 certificate that we can read") from None


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """The mail addresses it was issued for, in lower case (RFC 8550 section 3): subject only without others."""
    found: list[str] = []
    if (names := extension(certificate, x509.SubjectAlternativeName)) is not None:
        found += names.get_values_for_type(x509.RFC822Name)
    if not found:
        values = (attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS))
        found += [value for value in values if isinstance(value, str)]
    good: dict[str, None] = {}
    for text in found:
        try:
            good[parse_address(text).lower()] = None
        except AddressError:
            continue
    return tuple(good)


def extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """An extension's value, None without. Raises: what `cryptography` does about extensions that cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def common_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    """What rules out a certificate of a recipient and of an issuer alike; `_faults` and `chain` go on."""
    if now < certificate.not_valid_before_utc:
        yield f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if now > certificate.not_valid_after_utc:  # RFC 5280 section 4.1.2.5: inclusive
        yield f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    for one in certificate.extensions:
        if one.critical and one.oid not in READ:  # RFC 5280 section 4.2
            yield f"it has a critical extension that we do not know ({one.oid.dotted_string})"
    yield from _key_faults(certificate)


def signature_fault(certificate: x509.Certificate) -> str:
    """Why the hash under its signature is not good enough, or nothing. An anchor is not trusted for its signature."""
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or isinstance(algorithm, STRONG):  # None: Ed25519 and Ed448
        return ""
    return f"it is signed with {algorithm.name.upper()}, which can be forged"


def _faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    yield from common_faults(certificate, now)
    if fault := signature_fault(certificate):
        yield fault
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and allowed.isdisjoint(purposes):  # RFC 8550 section 4.4.4
        yield "it is not meant for mail (extended key usage without emailProtection)"
    if (usage := extension(certificate, x509.KeyUsage)) is not None:  # RFC 8550 section 4.4.2
        is_rsa = isinstance(certificate.public_key(), rsa.RSAPublicKey)
        if not (usage.key_encipherment if is_rsa else usage.key_agreement):
            missing = "keyEncipherment" if is_rsa else "keyAgreement"
            yield f"its key is not meant for encryption (key usage without {missing})"
        elif usage.key_agreement and usage.decipher_only:
            yield "its key is meant for decryption only (key usage decipherOnly)"
    if not addresses(certificate):
        yield "it holds no mail address"


def _key_faults(certificate: x509.Certificate) -> Iterator[str]:
    try:
        key = certificate.public_key()
    except WHAT_X509_RAISES:
        yield "its key is of a kind that we cannot use"
        return
    if isinstance(key, rsa.RSAPublicKey):
        if certificate.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5:
            yield "its RSA key is for signatures only"  # RFC 4055 section 1.2: RSASSA-PSS
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            yield f"its key has {key.key_size} bits; at least {MIN_RSA_BITS} are needed"
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in cms.CURVES:
        yield f"its key is of a kind that we cannot use ({_algorithm(certificate)})"


def _algorithm(certificate: x509.Certificate) -> str:
    """A name for people: `RSA 3072`, `EC secp256r1`."""
    try:
        key = certificate.public_key()
    except WHAT_X509_RAISES:
        return certificate.public_key_algorithm_oid.dotted_string
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _capabilities(certificate: x509.Certificate) -> frozenset[Capability]:
    """The extension of RFC 4262 section 2; one that cannot be read says nothing."""
    for one in certificate.extensions:
        if one.oid == SMIME_CAPABILITIES and isinstance(one.value, x509.UnrecognizedExtension):
            try:
                return _read_capabilities(one.value.value)
            except CertificateError:
                return frozenset()
    return frozenset()


def _read_capabilities(data: bytes) -> frozenset[Capability]:
    """SMIMECapabilities (RFC 8551 section 2.5.2). OAEP counts where it names SHA-256 (RFC 3560 section 4)."""
    found: set[Capability] = set()
    for entry in der.read_all(der.read(data, der.SEQUENCE).content):
        name = entry.content
        if name.startswith(der.oid(cms.AES256_GCM)):
            found.add(Capability.AES256_GCM)
        elif name.startswith(der.oid(cms.RSA_OAEP)) and der.oid(cms.SHA256) in name:
            found.add(Capability.OAEP)
    return frozenset(found)
