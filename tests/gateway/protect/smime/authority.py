"""S/MIME certificates for the tests, with each thing wrong that can be."""

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.protect.smime import der

NOW: Final = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
YEAR: Final = timedelta(days=365)
ADDRESS: Final = "b@example.org"
MAIL_USE: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
SHA1_CERTIFICATE: Final = base64.b64decode(  # made by openssl; cryptography signs with SHA-1 no more. Valid to 2126
    "MIIBhzCCAS6gAwIBAgIUV9HhxIsjSonhIKyEIJDs+X0uQ8YwCQYHKoZIzj0EATAMMQowCAYDVQQDDAFCMCAXDTI2MTEyNDA5MjYz"
    "MVoYDzIxMjYxMDMxMDkyNjMxWjAMMQowCAYDVQQDDAFCMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDV/f9/Au5YpNjFo9+/+4"
    "yeEFZzqpYPkf/SOw6ZWFfNf44Rrz5zL2EJHCqtFEVpHRb6IvYWV2E/sf8aqtyUl086NtMGswHQYDVR0OBBYEFB8lTjOZ6asj/qfH"
    "miEnakF+N1WJMB8GA1UdIwQYMBaAFB8lTjOZ6asj/qfHmiEnakF+N1WJMA8GA1UdEwEB/wQFMAMBAf8wGAYDVR0RBBEwD4ENYkBl"
    "eGFtcGxlLm9yZzAJBgcqhkjOPQQBA0gAMEUCIQDn0vABouiJSuxGUCKZ0Z9HHL8281u1kBaE0zJ7oqpGowIgLDZJHGKBaTVhqV94"
    "rkB0mODQkLsV8/TeEzjHbhXTPVo="
)
ECDSA_SHA1: Final = "1.2.840.10045.4.1"  # RFC 3279 section 2.2.3
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"  # RFC 5758 section 3.2
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"  # RFC 4055 section 3.1
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def make_key(kind: str, number: int = 0) -> Any:
    """kind: `rsa2048`, `p256`. number: tells keys of one kind apart."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind])


def usage(**true: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: true.get(name, False) for name in names})


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True)
class Authority:
    """One that issues. parent: who issued its own certificate; None: self-signed."""

    common: str = "Test authority"
    number: int = 100
    parent: "Authority | None" = None
    extensions: tuple[x509.ExtensionType, ...] = (x509.BasicConstraints(ca=True, path_length=None),)
    start: datetime = NOW - YEAR
    end: datetime = NOW + 5 * YEAR

    @property
    def key(self) -> Any:
        return make_key("p256", self.number)

    @functools.cached_property
    def der(self) -> bytes:
        above = self.parent or self
        return _build(self.key, name(self.common), above, self.extensions, self.start, self.end)

    def issue(
        self,
        key: Any,
        *,
        addresses: Sequence[str] = (ADDRESS,),
        subject: x509.Name | None = None,
        extensions: Sequence[x509.ExtensionType] = (MAIL_USE,),
        start: datetime = NOW - YEAR,
        end: datetime = NOW + YEAR,
    ) -> bytes:
        """A recipient's certificate, DER."""
        names = [x509.SubjectAlternativeName([x509.RFC822Name(a) for a in addresses])] if addresses else []
        subject = subject or name("B")
        return _build(key, subject, self, [*names, *extensions], start, end)

    def crl(self, *serials: int, end: datetime = NOW + YEAR, signer: Any = None) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(name(self.common))
        builder = builder.last_update(NOW - 2 * YEAR).next_update(end)
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - YEAR).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(signer or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _build(
    key: Any,
    subject: x509.Name,
    issuer: Authority,
    extensions: Sequence[x509.ExtensionType],
    start: datetime,
    end: datetime,
) -> bytes:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name(issuer.common))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(end)
    for extension in extensions:
        is_critical = isinstance(extension, x509.BasicConstraints | x509.UnrecognizedExtension)
        builder = builder.add_extension(
            extension, is_critical and extension.oid.dotted_string != "1.2.840.113549.1.9.15"
        )
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def with_sha1(certificate: bytes, signer: Any) -> bytes:
    """The same certificate under a signature with SHA-1; cryptography makes none. signer: its issuer's key, EC."""
    return _signed_again(certificate, signer, hashes.SHA1(), der.algorithm(ECDSA_SHA1))  # noqa: S303


def for_pss_only(certificate: bytes, signer: Any) -> bytes:
    """The same certificate with its RSA key declared as for RSASSA-PSS alone (RFC 4055 section 1.2)."""
    method = der.algorithm(ECDSA_SHA256)
    return _signed_again(certificate, signer, hashes.SHA256(), method, key=der.algorithm(RSASSA_PSS))


def _signed_again(certificate: bytes, signer: Any, algorithm: Any, method: bytes, *, key: bytes = b"") -> bytes:
    """RFC 5280 section 4.1: version, serial, signature, issuer, validity, subject, key, and what follows."""
    fields = [one.raw for one in der.read_all(der.read(_tbs(certificate), der.SEQUENCE).content)]
    fields[2] = method
    if key:
        _, bits = der.read_all(der.read(fields[6], der.SEQUENCE).content)
        fields[6] = der.sequence(key, bits.raw)
    tbs = der.sequence(*fields)
    signature = signer.sign(tbs, ec.ECDSA(algorithm))
    return der.sequence(tbs, method, der.element(der.BIT_STRING, b"\x00", signature))


def _tbs(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).tbs_certificate_bytes


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)


def key_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
