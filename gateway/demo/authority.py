"""A certificate authority for the demonstration: good certificates, and expired ones."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Identity:
    """Files that a TLS server needs."""

    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A root with its key, both made for this run; certificates land in `folder`."""

    folder: Path
    root: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Demonstration authority")
        now = datetime.now(UTC)
        root = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=365))
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_ca_usage(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        (folder / "authority.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
        return cls(folder, root, key)

    @property
    def file(self) -> Path:
        """The root, PEM: what `delivery.ca_file` names."""
        return self.folder / "authority.pem"

    def issue(self, hostname: str, *, also: tuple[str, ...] = (), is_expired: bool = False) -> Identity:
        """A certificate for a host name (and others), valid from now, or one that ended yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name) for name in (hostname, *also)]
        end = datetime.now(UTC) + (timedelta(days=-1) if is_expired else LIFETIME)
        certificate = (
            x509.CertificateBuilder(self.root.subject, _name(hostname), key.public_key(), x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=90))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_authority_key(self.key), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        identity = Identity(self.folder / f"{hostname}.pem", self.folder / f"{hostname}.key")
        identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        identity.private_key.touch(mode=0o600)
        identity.private_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return identity


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority_key(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
