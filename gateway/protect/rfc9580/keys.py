"""Public keys, of version 6 and 4 (RFC 9580 section 5.5), and which octets their signatures are about."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580.fields import Reader

RSA: Final = frozenset({1, 2, 3})  # section 9.1; 2 encrypts only, 3 signs only
RSA_ENCRYPTS: Final = frozenset({1, 2})
ECDH: Final = 18
ECDSA: Final = 19
EDDSA_LEGACY: Final = 22
X25519: Final = 25
X448: Final = 26
ED25519: Final = 27
ED448: Final = 28
MAX_VERSION_4: Final = 0xFFFF  # octets of a key's packet, since that is hashed with its length in two
CURVED: Final = frozenset({ECDH, ECDSA, EDDSA_LEGACY})
NATIVE: Final = {X25519: 32, X448: 56, ED25519: 32, ED448: 57}  # octets of the key; sections 5.5.5.7 to 5.5.5.10
KNOWN: Final = RSA | CURVED | NATIVE.keys()
NAMES: Final = {
    1: "RSA", 2: "RSA", 3: "RSA", 16: "ElGamal", 17: "DSA", ECDH: "ECDH", ECDSA: "ECDSA", EDDSA_LEGACY: "EdDSA",
    X25519: "X25519", X448: "X448", ED25519: "Ed25519", ED448: "Ed448",
}  # fmt: skip
CURVES: Final = {  # section 9.2
    bytes.fromhex("2a8648ce3d030107"): "NIST_P256",
    bytes.fromhex("2b81040022"): "NIST_P384",
    bytes.fromhex("2b81040023"): "NIST_P521",
    bytes.fromhex("2b2403030208010107"): "brainpoolP256r1",
    bytes.fromhex("2b240303020801010b"): "brainpoolP384r1",
    bytes.fromhex("2b240303020801010d"): "brainpoolP512r1",
    bytes.fromhex("2b060104019755010501"): "Curve25519",
    bytes.fromhex("2b06010401da470f01"): "Ed25519",
}
PRIME: Final[dict[str, ec.EllipticCurve]] = {
    "NIST_P256": ec.SECP256R1(),
    "NIST_P384": ec.SECP384R1(),
    "NIST_P521": ec.SECP521R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The key itself. numbers: modulus and exponent of RSA. point: of all others.

    curve: as `CURVES` has it, empty when unknown or none. oid: of the curve. kdf: of ECDH: hash and cipher (section
    11.5).
    """

    numbers: tuple[int, int] = (0, 0)
    curve: str = ""
    oid: bytes = b""
    point: bytes = b""
    kdf: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A primary key or subkey. body: its packet's. fingerprint: upper-case hexadecimal."""

    version: int
    created_at: datetime
    algorithm: int
    material: Material = field(repr=False)
    signed: bytes = field(repr=False)  # what a signature about the key is computed over (section 5.2.4)
    fingerprint: str

    @property
    def bits(self) -> int:
        """Of RSA; 0 otherwise."""
        return self.material.numbers[0].bit_length()

    @property
    def name(self) -> str:
        """For people: `RSA 3072`, `ECDH NIST_P256`, `X25519`."""
        kind = NAMES.get(self.algorithm, f"number {self.algorithm}")
        return f"{kind} {self.bits or self.material.curve or self.material.oid.hex()}".strip()

    @property
    def key_id(self) -> bytes:
        """Eight octets (section 5.5.4)."""
        fingerprint = bytes.fromhex(self.fingerprint)
        return fingerprint[:8] if self.version == 6 else fingerprint[-8:]


def parse_key(body: bytes) -> PublicKey:
    """The body of a public key's packet. One of an unknown kind is a key all the same. Raises: CertificateError."""
    reader = Reader(body)
    version, created, algorithm, material = _parse_fields(reader)
    if not reader.is_done and algorithm in KNOWN:
        raise CertificateError("damaged: a key is longer than it says")
    if version == 6:
        signed = b"\x9b" + len(body).to_bytes(4, "big") + body  # sections 5.2.4 and 5.5.4.3
        digest = hashlib.sha256(signed)
    elif len(body) > MAX_VERSION_4:
        raise CertificateError("damaged: its key is too large")
    else:
        signed = b"\x99" + len(body).to_bytes(2, "big") + body
        digest = hashlib.sha1(signed, usedforsecurity=False)  # what names a key of version 4 (section 5.5.4.2)
    made_at = datetime.fromtimestamp(created, UTC)
    return PublicKey(version, made_at, algorithm, material, signed, digest.hexdigest().upper())


def public_body(body: bytes) -> bytes:
    """The part of a private key's packet that its public half has, and that it begins with (section 5.5.3).

    Raises: CertificateError, also for a kind whose length is not known.
    """
    reader = Reader(body)
    _, _, algorithm, _ = _parse_fields(reader)
    if algorithm not in KNOWN:
        raise CertificateError(f"its key is of a kind that we cannot use ({NAMES.get(algorithm, algorithm)})")
    return body[: reader.at]


def _parse_fields(reader: Reader) -> tuple[int, int, int, Material]:
    """Version, time, algorithm, and the key itself (sections 5.5.2.2 and 5.5.2.3)."""
    version, created, algorithm = reader.number(1), reader.number(4), reader.number(1)
    if version not in (4, 6):
        raise CertificateError(f"it is a version {version} key; versions 4 and 6 are what can be used")
    if version == 4:
        return version, created, algorithm, _parse_material(reader, algorithm, version)
    inside = Reader(reader.sized(4))
    material = _parse_material(inside, algorithm, version)
    if not inside.is_done and algorithm in KNOWN:
        raise CertificateError("damaged: a key is longer than it says")
    return version, created, algorithm, material


def _parse_material(reader: Reader, algorithm: int, version: int) -> Material:
    """Sections 5.5.5.1 to 5.5.5.10."""
    if algorithm in RSA:
        return Material(numbers=(int.from_bytes(reader.mpi(), "big"), int.from_bytes(reader.mpi(), "big")))
    if algorithm in NATIVE:
        return Material(point=reader.take(NATIVE[algorithm]))
    if algorithm in CURVED:
        oid, point = reader.sized(1), reader.mpi()
        curve = CURVES.get(oid, "")
        if version == 6 and curve not in PRIME:  # section 9.2: the others' identifiers are for version 4 alone
            curve = ""
        kdf = reader.sized(1) if algorithm == ECDH else b"\x01\x00\x00"
        if len(kdf) != 3 or kdf[0] != 1:
            raise CertificateError("damaged: how its key is derived is not said")
        return Material(curve=curve, oid=oid, point=point, kdf=(kdf[1], kdf[2]))
    return Material()
