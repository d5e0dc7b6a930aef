"""The general practitioner's OpenPGP key: made for this run, and what he reads with it."""

import base64
import email
import warnings
from datetime import UTC, datetime
from typing import Any

from pgpy import PGPUID, PGPKey, PGPMessage
from pgpy.constants import EllipticCurveOID, HashAlgorithm, KeyFlags, PubKeyAlgorithm, SymmetricKeyAlgorithm

from gateway.protect.certificates import read_certificate


class ReadError(Exception):
    """The key does not open this message; the text says why."""


class Correspondent:
    """Somebody with a key pair. The private half never leaves this process."""

    def __init__(self, name: str, address: str) -> None:
        self.address = address
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PGPy tells at length what it does not check
            self._key: Any = PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519)
            self._key.add_uid(
                PGPUID.new(name, email=address),
                usage={KeyFlags.Sign, KeyFlags.Certify},
                hashes=[HashAlgorithm.SHA256],
                ciphers=[SymmetricKeyAlgorithm.AES256],
            )
            subkey = PGPKey.new(PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519)
            self._key.add_subkey(subkey, usage={KeyFlags.EncryptCommunications})
            self.certificate = bytes(self._key.pubkey)
        self.fingerprint = read_certificate(self.certificate, now=datetime.now(UTC)).fingerprint

    def for_import(self) -> dict[str, str | None]:
        """The public half as the operation `openpgp.import` takes it."""
        certificate = base64.b64encode(self.certificate).decode("ascii")
        return {
            "fingerprint": self.fingerprint,
            "address": self.address,
            "certificate": certificate,
            "expires_at": None,
        }

    def read(self, message: bytes) -> bytes:
        """What is inside PGP/MIME (RFC 3156 section 4). Raises: ReadError."""
        parts = list(email.message_from_bytes(message).walk())
        if parts[0].get_content_type() != "multipart/encrypted":
            raise ReadError("it is not encrypted")
        sealed = [part for part in parts if part.get_content_type() == "application/octet-stream"]
        payload = sealed[0].get_payload(decode=True) if sealed else b""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                opened = self._key.decrypt(PGPMessage.from_blob(payload)).message
        except Exception as error:  # whatever PGPy raises over a message that it cannot open
            raise ReadError(f"it cannot be decrypted ({type(error).__name__})") from error
        return opened.encode("utf-8") if isinstance(opened, str) else bytes(opened)
