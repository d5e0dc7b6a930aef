"""Making our own OpenPGP key: Ed25519, for signatures alone, so that nobody encrypts to it what nobody could read.

Version 4, and EdDSA in its old form, which GnuPG 2.2, Sequoia, RNP (Thunderbird) and OpenPGP.js all verify.
"""

import warnings
from datetime import datetime, timedelta
from typing import Final

from pgpy import PGPUID, PGPKey
from pgpy.constants import (
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    SymmetricKeyAlgorithm,
)

from gateway.protect.errors import CertificateError

NO_BRACKETS: Final = str.maketrans("<>()", "    ")  # they set the address and a comment apart (RFC 9580 section 5.11)


def generate_key(name: str, address: str, *, now: datetime, lifetime: timedelta) -> bytes:
    """A private key, binary, without a passphrase: it is sealed by the master key.

    name: of the organisation; address: beside it in the user id. now: aware; when it begins.
    Raises: CertificateError when the name has no word.
    """
    words = name.translate(NO_BRACKETS).split()
    if not words:
        raise CertificateError("its organisation has no name to put into the key")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PGPy tells at length what it does not check
        key = PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519, created=now)
        key.add_uid(
            PGPUID.new(" ".join(words), email=address),
            usage={KeyFlags.Certify, KeyFlags.Sign},
            hash=HashAlgorithm.SHA512,
            hashes=[HashAlgorithm.SHA512, HashAlgorithm.SHA256],
            ciphers=[SymmetricKeyAlgorithm.AES256],
            compression=[CompressionAlgorithm.Uncompressed],
            key_expiration=lifetime,
            created=now,
        )
        return bytes(key)
