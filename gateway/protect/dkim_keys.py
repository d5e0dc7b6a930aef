"""DKIM keys: read, made, and what they publish (RFC 6376; RFC 8463 for Ed25519)."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.protect.errors import DkimKeyError

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

MIN_RSA_BITS: Final = 2048  # RFC 8301 section 3.2: signers SHOULD use at least this


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One signing key, published at `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def load(cls, domain: str, selector: str, pem: bytes) -> "DkimKey":
        """Read an unencrypted PEM private key (PKCS #8 or PKCS #1).

        Raises: DkimKeyError when it is none, or RSA below 2048 bits, or neither RSA nor Ed25519.
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise DkimKeyError("not an unencrypted private key in PEM form") from None
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise DkimKeyError("neither an RSA nor an Ed25519 key")
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
            raise DkimKeyError(f"RSA key of {key.key_size} bits; at least {MIN_RSA_BITS} are needed")
        return cls(domain.lower(), selector, key)

    @property
    def name(self) -> str:
        """Where the public key is in DNS (RFC 6376 section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def der(self) -> bytes:
        """The private key as PKCS #8, for the process that signs."""
        return self.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def signature_octets(self) -> int:
        """How long each of its signatures is."""
        return self.private_key.key_size // 8 if isinstance(self.private_key, rsa.RSAPrivateKey) else 64

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private_key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        """The signature over canonical header fields. Slow with RSA: a third of a millisecond of OpenSSL and more."""
        return sign_with(self.private_key, data)

    def dns_record(self) -> str:
        """The TXT record to publish (RFC 6376 section 3.6.1, RFC 8463 section 4.2)."""
        public = self.private_key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return f"v=DKIM1; k=ed25519; p={base64.b64encode(public.public_bytes_raw()).decode()}"
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def sign_with(key: PrivateKey, data: bytes) -> bytes:
    """As `DkimKey.sign`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    return key.sign(hashlib.sha256(data).digest())  # RFC 8463 section 3


def generate_key(algorithm: str) -> bytes:
    """A fresh private key as PKCS #8 PEM. algorithm: `rsa` (2048 bits, which fits every DNS server) or `ed25519`."""
    key: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == "ed25519"
        else rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
