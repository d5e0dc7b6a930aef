"""The cardiologist's S/MIME certificate: issued for this run by the demonstration's authority, and what she reads."""

import base64
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.demo.authority import LIFETIME, Authority
from gateway.demo.pgp import ReadError
from gateway.message.fields import split_message
from gateway.protect.smime.judge import fingerprint

RSA_BITS: Final = 2048


class CertificateHolder:
    """Somebody with a certificate. The private key never leaves this process."""

    def __init__(self, name: str, address: str, authority: Authority) -> None:
        self.address = address
        self._key = rsa.generate_private_key(65537, RSA_BITS)
        self._issuer = authority.root.public_bytes(Encoding.DER)
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(authority.root.subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .sign(authority.key, hashes.SHA256())
        )
        self.certificate = self._certificate.public_bytes(Encoding.DER)
        self.fingerprint = fingerprint(self.certificate)

    def for_import(self) -> dict[str, Any]:
        """The certificate as the operation `smime.import` takes it."""
        return {
            "fingerprint": self.fingerprint,
            "address": self.address,
            "certificate": base64.b64encode(self.certificate).decode("ascii"),
            "chain": [base64.b64encode(self._issuer).decode("ascii")],
            "trust": "chain",
            "expires_at": self._certificate.not_valid_after_utc.isoformat(),
        }

    def read(self, message: bytes) -> bytes:
        """What is inside an S/MIME envelope (RFC 8551 section 3.3). Raises: ReadError."""
        kind = next((field.text for field in split_message(message).all("content-type")), "")
        if "smime-type=enveloped-data" not in kind:
            raise ReadError("it is not encrypted")
        try:
            sealed = base64.b64decode(message.partition(b"\r\n\r\n")[2])
            return pkcs7.pkcs7_decrypt_der(sealed, self._certificate, self._key, [])
        except Exception as error:  # whatever cryptography raises over an envelope that it cannot open
            raise ReadError(f"it cannot be decrypted ({type(error).__name__})") from error
