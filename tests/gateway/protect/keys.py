"""OpenPGP keys for the tests, made by PGPy: elliptic curves, so that they cost milliseconds."""

import functools
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pgpy import PGPUID, PGPKey
from pgpy.constants import (
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    RevocationReason,
    SymmetricKeyAlgorithm,
)

NOW: Final = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
CREATED: Final = NOW - timedelta(days=100)


@functools.cache
def make_key(
    *,
    address: str = "b@example.org",
    expires: timedelta | None = None,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    has_subkey: bool = True,
    is_revoked: bool = False,
    is_subkey_revoked: bool = False,
    rsa_bits: int = 0,
    curve: EllipticCurveOID = EllipticCurveOID.NIST_P256,
) -> Any:
    """A private key with one user id and, unless told otherwise, one subkey for encryption."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        primary = (PubKeyAlgorithm.ECDSA, curve)
        second = (PubKeyAlgorithm.ECDH, curve)
        if curve is EllipticCurveOID.Curve25519:
            primary = (PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519)
        if rsa_bits:
            primary = second = (PubKeyAlgorithm.RSAEncryptOrSign, rsa_bits)
        key = PGPKey.new(*primary, created=CREATED)
        key.add_uid(
            PGPUID.new("B", email=address),
            usage={KeyFlags.Sign, KeyFlags.Certify},
            hashes=[HashAlgorithm.SHA256],
            ciphers=[SymmetricKeyAlgorithm.AES256],
            hash=hash_algorithm,
            created=CREATED,
            **({"key_expiration": expires} if expires else {}),
        )
        if has_subkey:
            subkey = PGPKey.new(*second, created=CREATED)
            key.add_subkey(subkey, usage={KeyFlags.EncryptCommunications}, hash=hash_algorithm, created=CREATED)
            if is_subkey_revoked:
                subkey |= key.revoke(subkey, reason=RevocationReason.Retired)
        if is_revoked:
            key |= key.revoke(key, reason=RevocationReason.Compromised)
    return key


def certificate_of(key: Any) -> bytes:
    """The public part, binary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(key.pubkey)
