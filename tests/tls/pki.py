"""A small authority of the tests that can make every kind of chain, good and bad."""

import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from tls.dane.parse import Tlsa

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOST = "mx.b.example"
DIGESTS = {1: hashes.SHA256, 2: hashes.SHA512}
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, with those above it, up to and without what issued itself."""

    certificate: x509.Certificate
    key: Any
    above: tuple["Issued", ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(DER)

    @property
    def spki(self) -> bytes:
        return self.certificate.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.der for one in (self, *self.above))

    def tlsa(self, usage: int, selector: int, matching: int) -> Tlsa:
        """The record that names this certificate."""
        data = self.der if selector == 0 else self.spki
        if matching:
            digest = hashes.Hash(DIGESTS[matching]())
            digest.update(data)
            data = digest.finalize()
        return Tlsa(usage, selector, matching, data)

    def server(self) -> ssl.SSLContext:
        """A server that sends the chain."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        private = self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(private + b"".join(one.certificate.public_bytes(PEM) for one in (self, *self.above)))
            file.flush()
            context.load_cert_chain(file.name)
        return context


def issue(
    by: Issued | None = None,
    *names: str,
    name: str = "",
    is_ca: bool | None = None,
    since: datetime = NOW - DAY,
    until: datetime = NOW + DAY,
    path_length: int | None = None,
    extensions: Sequence[x509.ExtensionType] = (),
    key: Any = None,
) -> Issued:
    """Make a certificate for host names. by: None: it issues itself. is_ca: None: no basic constraints."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or (names[0] if names else "CA"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(is_ca, path_length), critical=True)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
        )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    signer = own if by is None else by.key
    certificate = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return Issued(certificate, own, () if by is None else (by, *by.above))


ROOT = issue(name="root", is_ca=True)
MIDDLE = issue(ROOT, name="middle", is_ca=True)
LEAF = issue(MIDDLE, HOST)  # sends middle and root too
ALONE = issue(None, "elsewhere.example", since=NOW - 3 * DAY, until=NOW - 2 * DAY)  # wrong name, expired, self-signed
STRANGER = issue(name="root", is_ca=True)  # the same name, another key
