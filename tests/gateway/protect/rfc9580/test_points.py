"""gateway.protect.rfc9580.session: numbers that are no key are never encrypted to (RFC 9580 section 11)."""

from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.protect.certificates import open_certificate
from gateway.protect.errors import SealError
from gateway.protect.rfc9580.fields import mpi
from gateway.protect.rfc9580.keys import CURVES, PRIME, X448, parse_key
from gateway.protect.rfc9580.session import pkesk
from tests.gateway.protect.keys import NOW
from tests.gateway.protect.rfc9580.maker import Key, Maker, make_key

OIDS: Final = {name: oid for oid, name in CURVES.items()}
KDF: Final = b"\x03\x01\x0a\x09"  # SHA-512 and AES-256
ECDH, RSA = 18, 1
LOW: Final = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")  # of order 8
CANNOT: Final = "its encryption key is of a kind that we cannot use"


def elliptic(curve: str, point: bytes, *, kdf: bytes = KDF) -> Key:
    oid = OIDS[curve]
    return make_key(ECDH, bytes((len(oid),)) + oid + mpi(point) + kdf, version=4)


def off(curve: str) -> bytes:
    """A point beside the curve."""
    size = (PRIME[curve].key_size + 7) // 8
    good = ec.generate_private_key(PRIME[curve]).public_key().public_numbers()
    return b"\x04" + good.x.to_bytes(size, "big") + (good.y ^ 1).to_bytes(size, "big")


def of_rsa(modulus: int, exponent: int) -> Key:
    numbers = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (modulus, exponent))
    return make_key(RSA, b"".join(mpi(number) for number in numbers), version=4)


ODD: Final = (1 << 2047) + 12_345
BAD: Final[dict[str, Key]] = {
    **{f"beside {curve}": elliptic(curve, off(curve)) for curve in PRIME},
    **{f"infinity of {curve}": elliptic(curve, b"\x04") for curve in PRIME},
    "Curve25519, zero": elliptic("Curve25519", b"\x40" + bytes(32)),
    "Curve25519, one": elliptic("Curve25519", b"\x40\x01" + bytes(31)),
    "Curve25519, of low order": elliptic("Curve25519", b"\x40" + LOW),
    "Curve25519, short": elliptic("Curve25519", b"\x40" + bytes(31)),
    "Curve25519, another form": elliptic("Curve25519", b"\x41" + b"\x09" + bytes(31)),
    "a key that signs": elliptic("Ed25519", b"\x40" + b"\x09" + bytes(31)),
    "X448, zero": make_key(X448, bytes(56), version=4),
    "X25519, of low order": make_key(25, LOW, version=4),
    "derived with SHA-1": elliptic("Curve25519", b"\x40\x09" + bytes(31), kdf=b"\x03\x01\x02\x09"),
    "wrapped with CAST5": elliptic("Curve25519", b"\x40\x09" + bytes(31), kdf=b"\x03\x01\x0a\x03"),
    "RSA, even": of_rsa(ODD - 1, 65537),
    "RSA, exponent 1": of_rsa(ODD, 1),
    "RSA, even exponent": of_rsa(ODD, 4),
    "RSA, too large": of_rsa((1 << 20_000) + 1, 65537),
}


@pytest.mark.parametrize("name", BAD)
def test_numbers_that_are_no_key(name: str) -> None:
    """CR-01: the certificate is refused with a reason, and whoever asks for a session key all the same gets none."""
    made = Maker(Maker.new(4).primary, BAD[name])
    found = open_certificate(made.whole(), now=NOW)
    assert found.facts.why_not.startswith(CANNOT)
    assert found.keys == ()
    for version in (3, 6):
        with pytest.raises(SealError):
            pkesk(parse_key(BAD[name].body), bytes(32), version=version)
