"""Signatures of a key about itself, of version 6 and 4 (RFC 9580 section 5.2). Only what is hashed counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580 import keys
from gateway.protect.rfc9580.fields import Reader
from gateway.protect.rfc9580.keys import PublicKey


class Kind(IntEnum):
    """Section 5.2.1; a certification is any of 0x10 to 0x13."""

    CERTIFICATION = 0x13
    SUBKEY_BINDING = 0x18
    DIRECT_KEY = 0x1F
    KEY_REVOCATION = 0x20
    SUBKEY_REVOCATION = 0x28
    CERTIFICATION_REVOCATION = 0x30


STRONG: Final[dict[int, tuple[hashes.HashAlgorithm, int]]] = {  # with the octets of salt in version 6 (section 9.5)
    8: (hashes.SHA256(), 16),
    9: (hashes.SHA384(), 24),
    10: (hashes.SHA512(), 32),
    11: (hashes.SHA224(), 16),
    12: (hashes.SHA3_256(), 16),
    14: (hashes.SHA3_512(), 32),
}
WEAK: Final[dict[int, tuple[hashes.HashAlgorithm, int]]] = {1: (hashes.MD5(), 0), 2: (hashes.SHA1(), 0)}  # noqa: S303
LEAST_DIGEST: Final = {  # octets; sections 5.2.3.2 to 5.2.3.5
    "NIST_P256": 32, "NIST_P384": 48, "NIST_P521": 64, "brainpoolP256r1": 32, "brainpoolP384r1": 48,
    "brainpoolP512r1": 64, "Ed25519": 32,
}  # fmt: skip
LEAST_NATIVE: Final = {keys.ED25519: 32, keys.ED448: 64}
CREATED, EXPIRES, KEY_EXPIRES, KEY_FLAGS, FEATURES = 2, 3, 9, 27, 30  # subpackets, section 5.2.3.7
LENGTHS: Final = {CREATED: 4, EXPIRES: 4, KEY_EXPIRES: 4}
DECISIVE: Final = frozenset({*LENGTHS, KEY_FLAGS, FEATURES})  # readers differ in which of two that differ they take
UNDERSTOOD: Final = frozenset(  # those that may be critical: the rest changes nothing in whom we encrypt to
    {*LENGTHS, KEY_FLAGS, FEATURES, 4, 7, 11, 16, 21, 22, 23, 24, 25, 26, 28, 29, 32, 33, 34, 39}
)
ENCRYPTION: Final = 0x04 | 0x08  # of communications, of storage (section 5.2.3.29)
SIGN: Final = 0x02


@dataclass(frozen=True, slots=True)
class Signature:
    """kind: one of `Kind`. usage: flags of the key, the first octet. usage, features: None where none are told.

    head: all that is hashed of the packet. key_lifetime: None when the key does not expire. is_clear: whether we
    understand all of it that is critical, and it does not contradict itself.
    """

    version: int
    kind: int
    algorithm: int
    hash_id: int
    head: bytes = field(repr=False)
    left: bytes = field(repr=False)  # of the digest, two octets
    salt: bytes = field(repr=False)
    values: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None
    key_lifetime: timedelta | None
    usage: int | None
    features: int | None
    is_clear: bool

    @property
    def flags(self) -> int:
        """None, where none are told: nothing is allowed by silence."""
        return self.usage or 0


def parse_signature(body: bytes) -> Signature | None:
    """A signature packet's body; None when it is damaged, or of a version that we do not know (section 5.2.5)."""
    try:
        return _parse(body)
    except (CertificateError, OverflowError):
        return None


def _parse(body: bytes) -> Signature | None:
    reader = Reader(body)
    version, kind, algorithm, hash_id = (reader.number(1) for _ in range(4))
    if version not in (4, 6):
        return None
    width = 4 if version == 6 else 2
    said, is_clear = _subpackets(reader.sized(width))
    head = body[: reader.at]
    reader.sized(width)  # not hashed: anybody could have put that there
    left = reader.take(2)
    salt = reader.sized(1) if version == 6 else b""
    if CREATED not in said:
        return None
    created_at = datetime.fromtimestamp(int.from_bytes(said[CREATED], "big"), UTC)
    return Signature(
        version, Kind.CERTIFICATION if 0x10 <= kind <= 0x13 else kind, algorithm, hash_id, head, left, salt,
        body[reader.at :], created_at,
        created_at + lifetime if (lifetime := _seconds(said, EXPIRES)) else None,
        _seconds(said, KEY_EXPIRES),
        _first(said, KEY_FLAGS), _first(said, FEATURES), is_clear,
    )  # fmt: skip


def _subpackets(area: bytes) -> tuple[dict[int, bytes], bool]:
    """The last of each type (section 5.2.3.9), and whether they are clear. Raises: CertificateError."""
    reader, said, is_clear = Reader(area), dict[int, bytes](), True
    while not reader.is_done:
        packet = reader.subpacket()
        kind = packet[0] & 0x7F if packet else 0
        if not packet or len(packet) - 1 != LENGTHS.get(kind, len(packet) - 1):
            raise CertificateError("damaged: a subpacket of another length")
        is_twice = kind in DECISIVE and said.get(kind, packet[1:]) != packet[1:]
        if is_twice or (packet[0] & 0x80 and kind not in UNDERSTOOD):
            is_clear = False
        said[kind] = packet[1:]
    return said, is_clear


def _first(said: dict[int, bytes], kind: int) -> int | None:
    """The first octet of flags."""
    return (said[kind] or b"\x00")[0] if kind in said else None


def _seconds(said: dict[int, bytes], kind: int) -> timedelta | None:
    """0 is the same as not told (sections 5.2.3.13 and 5.2.3.18)."""
    return timedelta(seconds=int.from_bytes(said.get(kind, b""), "big")) or None


def user_id_content(user_id: bytes) -> bytes:
    """What a certification is computed over, after the key (section 5.2.4)."""
    return b"\xb4" + len(user_id).to_bytes(4, "big") + user_id


def is_able(key: PublicKey) -> bool:
    """Whether signatures of a key of this kind can be verified."""
    return key.algorithm in CHECKS and (key.algorithm not in keys.CURVED or bool(key.material.curve))


def verifies(signer: PublicKey, signature: Signature, content: bytes, *, is_weak_enough: bool = False) -> bool:
    """Whether the key made this signature over the content, with a hash of the SHA-2 or SHA-3 family, after its own
    beginning, and we understand it.

    is_weak_enough: or whatever else the owner signed, in version 4 with SHA-1 or MD5, as is enough to take away.
    """
    if (signature.version, signature.algorithm) != (signer.version, signer.algorithm):
        return False  # section 10.3.2.2
    if not is_weak_enough and not (signature.is_clear and signature.created_at >= signer.created_at):
        return False
    accepted = STRONG | WEAK if is_weak_enough and signature.version == 4 else STRONG
    chosen, salt_size = accepted.get(signature.hash_id, (None, 0))
    if chosen is None or (signature.version == 6 and len(signature.salt) != salt_size):
        return False
    hashed = hashes.Hash(chosen)
    for part in (signature.salt, content, signature.head, bytes((signature.version, 0xFF))):
        hashed.update(part)
    hashed.update(len(signature.head).to_bytes(4, "big"))
    digest = hashed.finalize()
    check = CHECKS.get(signer.algorithm)
    if check is None or digest[:2] != signature.left:  # section 5.2.3.6
        return False
    least = LEAST_NATIVE.get(signer.algorithm) or LEAST_DIGEST.get(signer.material.curve, 0)
    if signature.hash_id in STRONG and len(digest) < least:
        return False
    try:
        return check(signer, Reader(signature.values), digest, chosen)
    except (InvalidSignature, UnsupportedAlgorithm, CertificateError, ValueError):
        return False


def _rsa(signer: PublicKey, values: Reader, digest: bytes, chosen: hashes.HashAlgorithm) -> bool:
    modulus, exponent = signer.material.numbers
    value = values.mpi().rjust((signer.bits + 7) // 8, b"\x00")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    key.verify(value, digest, padding.PKCS1v15(), utils.Prehashed(chosen))
    return values.is_done


def _ecdsa(signer: PublicKey, values: Reader, digest: bytes, chosen: hashes.HashAlgorithm) -> bool:
    curve = keys.PRIME.get(signer.material.curve)
    if curve is None:
        return False
    numbers = (int.from_bytes(values.mpi(), "big"), int.from_bytes(values.mpi(), "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, signer.material.point)
    key.verify(utils.encode_dss_signature(*numbers), digest, ec.ECDSA(utils.Prehashed(chosen)))
    return values.is_done


def _ed25519_legacy(signer: PublicKey, values: Reader, digest: bytes, _: Any) -> bool:
    if signer.material.curve != "Ed25519" or signer.material.point[:1] != b"\x40":
        return False
    value = values.mpi().rjust(32, b"\x00") + values.mpi().rjust(32, b"\x00")  # section 5.2.3.3.1
    ed25519.Ed25519PublicKey.from_public_bytes(signer.material.point[1:]).verify(value, digest)
    return values.is_done


def _ed25519(signer: PublicKey, values: Reader, digest: bytes, _: Any) -> bool:
    ed25519.Ed25519PublicKey.from_public_bytes(signer.material.point).verify(values.take(64), digest)
    return values.is_done


def _ed448(signer: PublicKey, values: Reader, digest: bytes, _: Any) -> bool:
    ed448.Ed448PublicKey.from_public_bytes(signer.material.point).verify(values.take(114), digest)
    return values.is_done


CHECKS: Final[dict[int, Callable[[PublicKey, Reader, bytes, hashes.HashAlgorithm], bool]]] = {
    1: _rsa,
    3: _rsa,
    keys.ECDSA: _ecdsa,
    keys.EDDSA_LEGACY: _ed25519_legacy,
    keys.ED25519: _ed25519,
    keys.ED448: _ed448,
}
