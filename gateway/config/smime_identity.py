"""Who signs inside what S/MIME encrypts: one certificate and key for all our domains, or a domain's own. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.config.model import Settings
from gateway.config.problems import Key, dotted

E = TypeVar("E", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFiles:
    """Where an identity lies, and the keys that name it. domain: whose mail it signs; empty: of all without their own.

    One of the two paths may be missing only where the configuration is wrong.
    """

    certificate: Path | None
    private_key: Path | None
    domain: str
    certificate_key: Key
    private_key_key: Key

    @property
    def name(self) -> str:
        return dotted(self.certificate_key)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.certificate, self.private_key) if path is not None)


def placed_smime_identities(settings: Settings) -> Iterator[IdentityFiles]:
    """Every identity of the file, that of all domains first, whether it is complete or not."""
    own = settings.smime
    if own.certificate is not None or own.private_key is not None:
        yield IdentityFiles(
            certificate=own.certificate, private_key=own.private_key, domain="",
            certificate_key=("smime", "certificate"), private_key_key=("smime", "private_key"),
        )  # fmt: skip
    for number, domain in enumerate(settings.domain):
        if domain.smime_certificate is not None or domain.smime_private_key is not None:
            here = ("domain", number)
            yield IdentityFiles(
                certificate=domain.smime_certificate, private_key=domain.smime_private_key, domain=domain.name,
                certificate_key=(*here, "smime_certificate"), private_key_key=(*here, "smime_private_key"),
            )  # fmt: skip


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
