"""Certificates of next hops: good, expired, not yet valid, for another name, self-signed, of an unknown authority."""

import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@cache
def authority() -> trustme.CA:
    """The authority that the tests trust."""
    return trustme.CA()


@cache
def stranger() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA()


def trust_file(folder: Path) -> Path:
    """The trusted authority as a `delivery.ca_file`."""
    path = folder / "ca.pem"
    authority().cert_pem.write_to_path(path)
    return path


def good(*names: str) -> ssl.SSLContext:
    """Issued by the trusted authority for these names."""
    return _context(authority().issue_cert(*names))


def expired(name: str) -> ssl.SSLContext:
    now = datetime.now(UTC)
    return _context(authority().issue_cert(name, not_before=now - 3 * DAY, not_after=now - DAY))


def not_yet_valid(name: str) -> ssl.SSLContext:
    now = datetime.now(UTC)
    return _context(authority().issue_cert(name, not_before=now + DAY, not_after=now + 3 * DAY))


def of_unknown_authority(name: str) -> ssl.SSLContext:
    return _context(stranger().issue_cert(name))


def self_signed(name: str) -> ssl.SSLContext:
    """A leaf that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _load([private, certificate.public_bytes(pem)])


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    return _load([leaf.private_key_pem.bytes(), *(pem.bytes() for pem in leaf.cert_chain_pems)])


def _load(pems: Sequence[bytes]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(b"\n".join(pems))
        file.flush()
        context.load_cert_chain(file.name)
    return context
