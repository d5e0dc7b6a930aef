"""Keys of version 6, and SEIPD version 2: made and opened by Sequoia and rPGP (CR-01, CR-04, CR-07)."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest
from openpgp.composed import KeyType, Message
from pysequoia import CipherSuite, Profile

from gateway.protect.certificates import read_certificate
from gateway.protect.pgpy_engine import PgpyEngine
from tests.gateway.protect.conformance.programs import Failed
from tests.gateway.protect.conformance.rust import ADDRESS, Library, Pair, Rpgp, Sequoia
from tests.gateway.protect.keys import certificate_of, make_key

TEXT: Final = (
    b"Content-Type: text/plain\r\n\r\nBefund M\xc3\xbcller \xff\x00\r\n" * 20_000
)  # four chunks of SEIPD version 2
OPENERS: Final[dict[str, Library]] = {"sequoia": Sequoia(), "rpgp": Rpgp()}
V4, V6 = Profile.RFC4880, Profile.RFC9580
KEYS: Final[dict[str, Callable[[], Pair]]] = {  # all tell that SEIPD version 2 is read
    "6, Curve25519, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv25519, V6),
    "6, Curve448, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv448, V6),
    "6, P-256, by Sequoia": lambda: Sequoia.make(CipherSuite.P256, V6),
    "6, P-384, by Sequoia": lambda: Sequoia.make(CipherSuite.P384, V6),
    "6, P-521, by Sequoia": lambda: Sequoia.make(CipherSuite.P521, V6),
    "6, RSA, by Sequoia": lambda: Sequoia.make(CipherSuite.RSA2k, V6),
    "6, Curve25519, by rPGP": lambda: Rpgp.make(6, KeyType.ed25519(), KeyType.x25519()),
    "6, Curve448, by rPGP": lambda: Rpgp.make(6, KeyType.ed448(), KeyType.x448()),
    "4, X25519, by rPGP": lambda: Rpgp.make(4, KeyType.ed25519(), KeyType.x25519()),
}
SIGNER: Final = make_key(address="openpgp@clinic.example")
NOW: Final = datetime.now(UTC)


@functools.cache
def pair(name: str) -> Pair:
    return KEYS[name]()


def sealed(*certificates: bytes, is_signed: bool = False) -> bytes:
    return PgpyEngine().encrypt(TEXT, certificates, now=NOW, signer=bytes(SIGNER) if is_signed else None).data


def versions(message: bytes) -> tuple[str, list[int]]:
    """The container's, and that of each session key packet."""
    parsed = Message.from_bytes(message)
    return parsed.encrypted_data_packet().kind, [
        one.version for one in parsed.public_key_encrypted_session_key_packets()
    ]


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", KEYS)
@pytest.mark.slow
def test_what_is_encrypted_is_opened(name: str, opener: str) -> None:
    """CR-01, CR-04: octet for octet, in SEIPD version 2; the signature inside is by our key of version 4."""
    key = pair(name)
    facts = read_certificate(key.certificate, now=NOW)
    assert (facts.version, facts.addresses, facts.why_not) == (int(name[0]), (ADDRESS,), "")
    message = sealed(key.certificate, is_signed=True)
    assert versions(message) == ("seipd-v2", [6])
    assert OPENERS[opener].open(message, key.private, certificate_of(SIGNER)) == TEXT
    with pytest.raises(Failed):
        OPENERS[opener].open(message, key.private, certificate_of(make_key()))


@pytest.mark.parametrize("opener", OPENERS)
def test_what_was_tampered_with_is_not_opened(opener: str) -> None:
    """CR-07: a bit of the last chunk, or the end cut off."""
    key = pair("6, Curve25519, by Sequoia")
    message = sealed(key.certificate)
    changed = bytearray(message)
    changed[-40] ^= 1
    for wrong in (bytes(changed), message[:-16]):
        with pytest.raises(Failed):
            OPENERS[opener].open(wrong, key.private)
    with pytest.raises(Failed):
        OPENERS[opener].open(message, pair("6, Curve25519, by rPGP").private)
