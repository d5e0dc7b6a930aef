"""gateway.protect.rfc9580 against RFC 9580's own samples (appendix A.3 and A.8), octet for octet."""

from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519

from gateway.protect.armour import bodies, split_certificates
from gateway.protect.certificates import read_certificate
from gateway.protect.rfc9580 import session
from gateway.protect.rfc9580.container import seipd_2
from gateway.protect.rfc9580.fields import PKESK, SEIPD, SIGNATURE, SUBKEY, framed
from gateway.protect.rfc9580.keys import parse_key
from gateway.protect.rfc9580.signatures import parse_signature, verifies
from tests.gateway.protect.conformance.samples import VERSION_6
from tests.gateway.protect.keys import NOW

(CERTIFICATE,) = split_certificates(VERSION_6)
# Appendix A.8.1 and A.8.3: the packets without their headers.
PKESK_BODY: Final = bytes.fromhex(
    "0621 0612c83f1e706f6308fe151a417743a1f033790e93e9978488d1db378da993088519"
    "87cf18d5f1b53f817cce5a004cf393cc8958bddc065f25f84af509b17dd36764"
    "18 dea355437956617901e06957fbca8a6a47a5b5153e8d3ab7"
)
SEIPD_BODY: Final = bytes.fromhex(
    "02070206 6164 16535be0b0716d60e052a56c4c407f9eb36b0efafe9ad0a0df9b033c69a2"
    "1ba9ebd2c0ec95bf569d25c999ee4a3de17058f40dfa8b4c682be3fbbbd7b27eb0f59bb500"
    "5f80c7c6f40388c30ad406ab0513dcd6 f9fd737656286e1177d00f888adb31c4"
)
EPHEMERAL: Final = bytes.fromhex("af1e43c0d123efe893a7d4d390f3a761e3fac33dfc7f3edaa830c9011352c779")  # A.8.2
SESSION_KEY: Final = bytes.fromhex("dd708f6fa1ed65114d68d2343e7c2f1d")
DATA: Final = bytes.fromhex(  # A.8.4: a literal packet and padding
    "cb136200000000004865 6c6c6f2c20776f726c6421 d50ec5a29307299162 8147d72c8f86b7"
)


def key_of(kind: int) -> bytes:
    return next(body for found, body in bodies(CERTIFICATE) if found == kind)


def test_the_sample_certificate() -> None:
    """A.3: its fingerprints and what its direct signature says; it has no user id."""
    facts = read_certificate(CERTIFICATE, now=NOW)
    assert facts.fingerprint == "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9"
    assert (facts.version, facts.algorithm, facts.addresses, facts.why_not) == (6, "X25519", (), "")
    assert facts.created_at == datetime(2022, 11, 30, 16, 8, 3, tzinfo=UTC)
    assert parse_key(key_of(SUBKEY)).fingerprint == PKESK_BODY[3:35].hex().upper()


def test_the_sample_session_key() -> None:
    """A.8.2: X25519, HKDF and the key wrap; the packet around it names the key by version and fingerprint."""
    key = parse_key(key_of(SUBKEY))
    ephemeral = x25519.X25519PrivateKey.from_private_bytes(EPHEMERAL)
    assert session._x25519(key, ephemeral, SESSION_KEY, b"") == PKESK_BODY[36:]
    ((kind, body),) = bodies(session.pkesk(key, SESSION_KEY, version=6))
    assert (kind, body[:36], len(body)) == (PKESK, PKESK_BODY[:36], len(PKESK_BODY))


def test_the_sample_container() -> None:
    """A.8.3 and A.8.4: message key, nonces, the chunk's tag and the final one."""
    assert seipd_2(DATA, SESSION_KEY, salt=SEIPD_BODY[4:36], cipher=7, chunk_size=6) == framed(SEIPD, SEIPD_BODY)


@pytest.mark.parametrize("at", [10, 78, 85, -1], ids=["hashed", "digest", "salt", "signature"])
def test_a_changed_signature_does_not_verify(at: int) -> None:
    """CR-01: A.3's direct signature with one bit changed, wherever it is."""
    body = key_of(SIGNATURE)
    primary = parse_key(key_of(6))
    whole = parse_signature(body)
    assert whole is not None
    assert verifies(primary, whole, primary.signed)
    changed = bytearray(body)
    changed[at] ^= 1
    broken = parse_signature(bytes(changed))
    assert broken is None or not verifies(primary, broken, primary.signed)
