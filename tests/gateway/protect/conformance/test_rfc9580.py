"""Keys of version 6, and SEIPD version 2: made and opened by Sequoia and rPGP (CR-01, CR-04, CR-07)."""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from openpgp.composed import KeyType, Message
from pysequoia import CipherSuite, Profile

from gateway.protect.armour import dearmour_private
from gateway.protect.certificates import read_certificate
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.own_engine import OwnEngine
from gateway.protect.rfc9580 import container
from gateway.protect.signer import public_part
from tests.gateway.protect.conformance.programs import Failed
from tests.gateway.protect.conformance.rust import ADDRESS, Library, Pair, Rpgp, Sequoia
from tests.gateway.protect.conformance.samples import OPENPGPJS_4, OPENPGPJS_6
from tests.gateway.protect.keys import certificate_of, make_key

TEXT: Final = (
    b"Content-Type: text/plain\r\n\r\nBefund M\xc3\xbcller \xff\x00\r\n" * 20_000
)  # four chunks of SEIPD version 2
OPENERS: Final[dict[str, Library]] = {"sequoia": Sequoia(), "rpgp": Rpgp()}
V4, V6 = Profile.RFC4880, Profile.RFC9580


def sample(armoured: bytes) -> Pair:
    private = dearmour_private(armoured)
    return Pair(private, public_part(private))


KEYS: Final[dict[str, Callable[[], Pair]]] = {  # all tell that SEIPD version 2 is read
    "6, Curve25519, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv25519, V6),
    "6, Curve448, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv448, V6),
    "6, P-256, by Sequoia": lambda: Sequoia.make(CipherSuite.P256, V6),
    "6, P-384, by Sequoia": lambda: Sequoia.make(CipherSuite.P384, V6),
    "6, P-521, by Sequoia": lambda: Sequoia.make(CipherSuite.P521, V6),
    "6, RSA, by Sequoia": lambda: Sequoia.make(CipherSuite.RSA2k, V6),
    "6, Curve25519, by rPGP": lambda: Rpgp.make(6, KeyType.ed25519(), KeyType.x25519()),
    "6, Curve448, by rPGP": lambda: Rpgp.make(6, KeyType.ed448(), KeyType.x448()),
    "4, Curve25519, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv25519, V4),
    "4, Curve448, by Sequoia": lambda: Sequoia.make(CipherSuite.Cv448, V4),
    "4, P-256, by Sequoia": lambda: Sequoia.make(CipherSuite.P256, V4),
    "4, P-521, by Sequoia": lambda: Sequoia.make(CipherSuite.P521, V4),
    "4, X25519, by OpenPGP.js": lambda: sample(OPENPGPJS_4),
    "4, X25519, by rPGP": lambda: Rpgp.make(4, KeyType.ed25519(), KeyType.x25519()),
}
SIGNER: Final = make_key(address="openpgp@clinic.example")
NOW: Final = datetime.now(UTC)


@functools.cache
def pair(name: str) -> Pair:
    return KEYS[name]()


def sealed(*certificates: bytes, is_signed: bool = False) -> bytes:
    return OwnEngine().encrypt(TEXT, certificates, now=NOW, signer=bytes(SIGNER) if is_signed else None).data


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
    assert OPENERS[opener].open(message, key.private) == TEXT
    changed = bytearray(message)
    changed[-40] ^= 1
    for wrong in (bytes(changed), message[:-16]):
        with pytest.raises(Failed):
            OPENERS[opener].open(wrong, key.private)
    with pytest.raises(Failed):
        OPENERS[opener].open(message, pair("6, Curve25519, by rPGP").private)


def test_keys_of_both_versions_open_it() -> None:
    """CR-01: all read SEIPD version 2, so that is what they get; each opens it."""
    keys = [pair("6, Curve25519, by Sequoia"), pair("4, Curve25519, by Sequoia")]
    message = sealed(*(key.certificate for key in keys))
    assert versions(message) == ("seipd-v2", [6, 6])
    for key in keys:
        assert all(library.open(message, key.private) == TEXT for library in OPENERS.values())


@pytest.mark.parametrize("name", ["6, Curve25519, by Sequoia", "6, Curve448, by rPGP", "6, RSA, by Sequoia"])
@pytest.mark.slow
def test_one_that_reads_version_1_alone_gives_the_measure(name: str) -> None:
    """CR-01, RFC 9580 13.7: both open SEIPD version 1; packets of different versions are not mixed (10.3.2.1)."""
    key = pair(name)
    message = sealed(key.certificate, certificate_of(make_key()))
    assert versions(message) == ("seipd-v1", [3, 3])
    assert OPENERS["sequoia"].open(message, bytes(make_key())) == TEXT
    assert all(library.open(message, key.private) == TEXT for library in OPENERS.values())


@pytest.mark.parametrize("by", ["rPGP", "OpenPGP.js"])
def test_a_program_that_says_it_reads_version_1_alone_gets_that(by: str) -> None:
    """RFC 9580 13.7: also of version 6, where silence would mean the other."""
    made = Rpgp.make(6, KeyType.ed25519(), KeyType.x25519(), reads_seipd_2=False)
    key = made if by == "rPGP" else sample(OPENPGPJS_6)
    message = sealed(key.certificate)
    assert versions(message) == ("seipd-v1", [3])
    assert all(library.open(message, key.private) == TEXT for library in OPENERS.values())


def test_without_ocb_it_is_version_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-13: an OpenSSL held to FIPS 140 has none; mail does not wait for ever."""

    def no_ocb(_: bytes) -> None:
        raise UnsupportedAlgorithm("no OCB")

    monkeypatch.setattr(container, "AESOCB3", no_ocb)
    container.is_able.cache_clear()
    try:
        key = pair("6, Curve25519, by Sequoia")
        message = sealed(key.certificate)
        assert versions(message) == ("seipd-v1", [3])
        assert all(library.open(message, key.private) == TEXT for library in OPENERS.values())
    finally:
        container.is_able.cache_clear()


def refused(name: str) -> bytes:
    whole = pair("6, Curve25519, by Sequoia")
    if name == "revoked":
        return Sequoia.revoked(whole)
    if name == "no encryption key":
        return Rpgp.make(6, KeyType.ed25519(), None).certificate
    if name == "post-quantum alone":
        return Sequoia.make(CipherSuite.MLDSA65_Ed25519, V6).certificate
    return Sequoia.make(CipherSuite.Cv25519, V6, validity_s=86_400).certificate


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("expired", "it expired on "),
        ("revoked", "it was revoked by its owner"),
        ("no encryption key", "it has no key for encryption"),
        ("post-quantum alone", "its key is of a kind that we cannot use (number 30)"),
    ],
)
def test_what_must_not_be_used_is_refused(name: str, why: str) -> None:
    """CR-01: nothing is encrypted, with the reason, so that the ladder climbs; a good one beside it is used alone."""
    certificate, later = refused(name), NOW + timedelta(days=2)
    key_id = read_certificate(certificate, now=later).fingerprint[:16]
    with pytest.raises(NoUsableCertificate, match=re.escape(f"key {key_id}: {why}")):
        OwnEngine().encrypt(TEXT, [certificate], now=later)
    good = pair("6, Curve25519, by rPGP")
    made = OwnEngine().encrypt(TEXT, [certificate, good.certificate], now=later)
    assert made.fingerprints == (read_certificate(good.certificate, now=later).fingerprint,)
    assert versions(made.data) == ("seipd-v2", [6])


def test_a_user_id_that_was_taken_back_is_no_address() -> None:
    """CR-01: the key is not its address's any more."""
    taken = Sequoia.without_user_id(pair("6, Curve25519, by Sequoia"))
    assert read_certificate(taken, now=NOW).addresses == ()


def test_a_signer_whose_features_pgpy_does_not_know() -> None:
    """CR-13: Sequoia's key of version 4 signs for us, and its public half stays as it was, signatures and all."""
    signer, key = pair("4, Curve25519, by Sequoia"), pair("6, Curve25519, by rPGP")
    later = datetime.now(UTC)  # NOW may be minutes before the key was made, and nobody believes such a signature
    message = OwnEngine().encrypt(TEXT, [key.certificate], now=later, signer=signer.private).data
    public = public_part(signer.private)
    assert read_certificate(public, now=NOW) == read_certificate(signer.certificate, now=NOW)
    for library in OPENERS.values():
        assert library.open(message, key.private, public) == TEXT


def test_a_key_of_version_6_does_not_sign_for_us() -> None:
    """CR-13: PGPy could not; it is said at the import, and no message leaves unsigned instead."""
    with pytest.raises(SealError, match="it is a version 6 key; version 4 is what can sign"):
        OwnEngine().encrypt(
            TEXT, [certificate_of(make_key())], now=NOW, signer=pair("6, Curve25519, by Sequoia").private
        )
