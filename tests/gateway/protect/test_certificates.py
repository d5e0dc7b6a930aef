"""gateway.protect.certificates: CR-01, each fault with its reason in words."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgpy.constants import HashAlgorithm

from gateway.protect import armour
from gateway.protect.certificates import MAX_OCTETS, read_certificate
from gateway.protect.errors import CertificateError
from tests.gateway.protect.keys import CREATED, NOW, certificate_of, make_key

DAY = timedelta(days=1)
GOOD = certificate_of(make_key())


def test_a_good_certificate() -> None:
    """Facts for the register."""
    facts = read_certificate(GOOD, now=NOW)
    assert facts.usable
    assert facts.addresses == ("b@example.org",)
    assert facts.algorithm == "ECDH NIST_P256"
    assert (facts.created_at, facts.expires_at) == (CREATED, None)
    assert len(facts.fingerprint) == 40


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"expires": 99 * DAY}, "it expired on 2026-11-23"),
        ({"is_revoked": True}, "it was revoked by its owner"),
        ({"is_subkey_revoked": True}, "it has no key for encryption"),
        ({"has_subkey": False}, "it has no key for encryption"),
        ({"rsa_bits": 1024}, "its key has 1024 bits; at least 2048 are needed"),
        ({"hash_algorithm": HashAlgorithm.SHA1}, "its self-signatures use SHA-1 only"),
    ],
)
def test_unfit_certificates(fault: dict[str, Any], why: str) -> None:
    """CR-01."""
    facts = read_certificate(certificate_of(make_key(**fault)), now=NOW)
    assert (facts.usable, facts.why_not) == (False, why)


def test_addresses_are_in_lower_case() -> None:
    made = certificate_of(make_key(address="Bob.Smith@Example.org"))
    assert read_certificate(made, now=NOW).addresses == ("bob.smith@example.org",)


def test_expiry_is_told_beforehand() -> None:
    """The register warns before it comes; tests/e2e/test_gpg.py has that of subkeys, which PGPy cannot set."""
    assert read_certificate(certificate_of(make_key(expires=150 * DAY)), now=NOW).expires_at == CREATED + 150 * DAY


def test_a_subkey_of_somebody_else_does_not_count() -> None:
    """A subkey can be pasted behind any certificate; only the owner's binding makes it count."""
    victim, attacker = make_key(has_subkey=False), make_key(address="evil@example.org")
    (subkey,) = attacker.pubkey.subkeys.values()
    pasted = certificate_of(victim) + bytes(subkey)
    assert read_certificate(pasted, now=NOW).why_not == "it has no key for encryption"


def test_a_user_id_of_somebody_else_does_not_count() -> None:
    """The address decides whose mail is encrypted to it."""
    attacker = make_key(address="evil@example.org")
    packets = certificate_of(attacker)
    (start, _), (end, _) = ((at, kind) for at, kind in armour._packets(packets) if kind in (13, 14))
    pasted = certificate_of(make_key(has_subkey=False)) + packets[start:end]  # user id and its signature
    assert read_certificate(pasted, now=NOW).addresses == ("b@example.org",)


def packets(data: bytes) -> list[bytes]:
    """One by one; PGPy writes them in the present format, with a length of one or two octets."""
    found, at = [], 0
    while at < len(data):
        _, _, end = armour._packet_at(data, at)
        found.append(data[at:end])
        at = end
    return found


def changed(packet: bytes, at: int, value: int) -> bytes:
    """A packet with another octet in its body."""
    _, start, _ = armour._packet_at(packet, 0)
    return packet[: start + at] + bytes((value,)) + packet[start + at + 1 :]


def test_what_pgpy_does_not_know_does_not_spoil_the_rest() -> None:
    """CR-01: a subkey of X25519 (25) or a signature of version 6 beside what is understood; programs make both."""
    primary, user, certification, subkey, binding = packets(GOOD)
    newer = changed(subkey, 5, 25) + binding
    strange = changed(certification, 0, 6)
    whole = b"".join((primary, user, strange, certification, newer, subkey, binding))
    assert read_certificate(whole, now=NOW) == read_certificate(GOOD, now=NOW)
    alone = read_certificate(b"".join((primary, user, certification, newer)), now=NOW)
    assert alone.why_not == "it has no key for encryption"


@pytest.mark.parametrize("data", [b"", b"\x99", b"x" * 50, GOOD + bytes(MAX_OCTETS)], ids=["", "cut", "junk", "large"])
def test_unreadable(data: bytes) -> None:
    """One error, whatever PGPy does."""
    with pytest.raises(CertificateError):
        read_certificate(data, now=NOW)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.integers(min_value=1, max_value=255))
@pytest.mark.slow
def test_a_changed_octet_never_surprises(at: int, by: int) -> None:
    """Invariant: CertificateError or facts; and what is still usable is the same key for the same addresses."""
    damaged = GOOD[:at] + bytes([GOOD[at] ^ by]) + GOOD[at + 1 :]
    try:
        facts = read_certificate(damaged, now=NOW)
    except CertificateError:
        return
    whole = read_certificate(GOOD, now=NOW)
    same = facts.fingerprint == whole.fingerprint and set(facts.addresses) <= set(whole.addresses)
    assert same or not facts.usable
