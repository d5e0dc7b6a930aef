"""gateway.protect.rfc9580.judge: CR-01 for certificates of version 6, each fault with its reason; and what others could
paste into one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protect.certificates import open_certificate, read_certificate, revocations
from gateway.protect.errors import CertificateError
from gateway.protect.found import age_of
from gateway.protect.rfc9580.keys import parse_key
from gateway.store.certificates import Age
from tests.gateway.protect.keys import CREATED, NOW
from tests.gateway.protect.rfc9580.maker import (
    CERTIFY_SIGN,
    ENCRYPT,
    READS_SEIPD_2,
    Maker,
    lasting,
    make_key,
    over,
    packet,
    signature,
    subkey,
)

DAY: Final = timedelta(days=1)
LATER: Final = CREATED + 2 * DAY
OURS, OTHER = Maker.new(), Maker.new()
UNKNOWN_CRITICAL: Final = b"\xe3" + b"?"  # a private subpacket, critical
NOTATION: Final = b"\x94" + bytes(8)  # critical
LOW_ORDER: Final = bytes(32)  # a point that gives the same secret whoever asks


def why_not(data: bytes) -> str:
    return read_certificate(data, now=NOW).why_not


def test_a_good_certificate() -> None:
    """CR-01: facts for the register, of version 6 and of version 4 with the same formats."""
    for version in (6, 4):
        facts = read_certificate(Maker.new(version).whole(), now=NOW)
        assert (facts.version, facts.why_not, facts.addresses) == (version, "", ("b@example.org",))
        assert (facts.algorithm, facts.created_at, facts.expires_at) == ("X25519", CREATED, None)
        assert len(facts.fingerprint) == (64 if version == 6 else 40)


FAULTS: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "expired": (lambda: OURS.head(CERTIFY_SIGN, lasting(99)) + OURS.named() + OURS.bound(), "it expired on 2026-11-23"),
    "revoked": (
        lambda: OURS.head() + OURS.revocation() + OURS.named() + OURS.bound(),
        "it was revoked by its owner",
    ),
    "subkey expired": (
        lambda: OURS.head() + OURS.named() + OURS.bound(ENCRYPT, lasting(99)),
        "its encryption key expired on 2026-11-23",
    ),
    "subkey revoked": (
        lambda: OURS.whole() + OURS.revocation(of_subkey=True),
        "it has no key for encryption",
    ),
    "no subkey": (lambda: OURS.head() + OURS.named(), "it has no key for encryption"),
    "subkey not for encryption": (lambda: OURS.head() + OURS.bound(b"\x1b\x20"), "it has no key for encryption"),
    "no direct signature": (
        lambda: packet(6, OURS.primary.body) + OURS.named() + OURS.bound(),
        "its key is not signed by itself",
    ),
    "the direct signature has expired": (
        lambda: OURS.head(CERTIFY_SIGN, b"\x03" + (99 * 86_400).to_bytes(4, "big")) + OURS.named() + OURS.bound(),
        "its key is not signed by itself",
    ),
    "SHA-1": (
        lambda: packet(6, OURS.primary.body) + OURS.direct(CERTIFY_SIGN, digest="sha1") + OURS.bound(),
        "its key is not signed by itself",
    ),
    "an extension that is critical": (
        lambda: OURS.head(CERTIFY_SIGN, UNKNOWN_CRITICAL) + OURS.bound(),
        "its key is not signed by itself",
    ),
    "a notation that is critical": (
        lambda: OURS.head(CERTIFY_SIGN, NOTATION) + OURS.bound(),
        "its key is not signed by itself",
    ),
    "a longer life in what is not signed": (
        lambda: (
            packet(6, OURS.primary.body)
            + signature(OURS.primary, 0x1F, b"", CERTIFY_SIGN, lasting(99), unhashed=(lasting(999),))
            + OURS.bound()
        ),
        "it expired on 2026-11-23",
    ),
    "a point that is none": (
        lambda: OURS.head() + Maker(OURS.primary, subkey(point=LOW_ORDER)).bound(),
        "its encryption key is of a kind that we cannot use (X25519)",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_unfit_certificates(name: str) -> None:
    """CR-01: refused with the reason, and no key to encrypt to is left."""
    data, why = FAULTS[name][0](), FAULTS[name][1]
    assert why_not(data) == why
    assert open_certificate(data, now=NOW).keys == ()


def pasted_signature(**options: object) -> bytes:
    """Revoked as by the owner, but for what is wrong with the signature."""
    return OURS.head() + signature(OURS.primary, 0x20, **options) + OURS.named() + OURS.bound()  # type: ignore[arg-type]


PASTED: Final[dict[str, Callable[[], bytes]]] = {
    "a revocation by another key": lambda: OURS.head() + OTHER.revocation() + OURS.named() + OURS.bound(),
    "a signature without its salt": lambda: pasted_signature(salt_octets=0),
    "a salt of another hash's length": lambda: pasted_signature(salt_octets=16),
    "a signature of version 4": lambda: pasted_signature(version=4),
    "the subkey of somebody else": lambda: OURS.head() + OURS.named() + OTHER.bound() + OURS.bound(),
    "somebody else's subkey under our binding": lambda: (
        OURS.head() + OURS.named() + packet(14, OTHER.subkey.body) + OURS.binding(ENCRYPT, at=LATER) + OURS.bound()
    ),
    "the user id of somebody else": lambda: (
        OURS.head() + OURS.named() + Maker(OTHER.primary, OURS.subkey).named("E <evil@example.org>") + OURS.bound()
    ),
    "a user id under the certification of another": lambda: (
        OURS.head() + OURS.named() + packet(13, b"E <evil@example.org>")
        + signature(OURS.primary, 0x13, over(b"B <b@example.org>")) + OURS.bound()
    ),
    "a subkey of version 4": lambda: OURS.head() + OURS.named() + Maker(OURS.primary, subkey(4)).bound() + OURS.bound(),
    "a newer word that we do not understand": lambda: (
        OURS.head() + signature(OURS.primary, 0x1F, b"", UNKNOWN_CRITICAL, at=LATER) + OURS.named() + OURS.bound()
    ),
    "an attribute, padding, trust and a marker": lambda: (
        OURS.head() + packet(17, b"\x02\x01?") + OTHER.revocation() + OURS.named() + packet(12, b"?")
        + packet(10, b"PGP") + OURS.bound() + packet(21, b"random") + packet(60, b"private")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PASTED)
def test_what_others_put_into_it_changes_nothing(name: str) -> None:
    """CR-01: the same facts, and the owner's key alone to encrypt to."""
    data = PASTED[name]()
    assert read_certificate(data, now=NOW) == read_certificate(OURS.whole(), now=NOW)
    assert open_certificate(data, now=NOW).keys == open_certificate(OURS.whole(), now=NOW).keys


def test_the_newest_word_counts() -> None:
    """CR-01: of the owner's own signatures, whatever their order in the file."""
    ended = OURS.direct(CERTIFY_SIGN, lasting(99), at=LATER)
    renewed = OURS.direct(CERTIFY_SIGN, lasting(200), at=LATER + DAY)
    for middle in (ended + renewed, renewed + ended):
        facts = read_certificate(OURS.head() + middle + OURS.named() + OURS.bound(), now=NOW)
        assert (facts.why_not, facts.expires_at) == ("", CREATED + 200 * DAY)
    withdrawn = OURS.head() + OURS.bound() + OURS.binding(b"\x1b\x00", at=LATER)
    assert why_not(withdrawn) == "it has no key for encryption"


def test_a_revocation_may_be_weaker_than_a_promise() -> None:
    """CR-01: in version 4 one with SHA-1 takes away all the same, as GnuPG once made them; it never gives anything."""
    four = Maker.new(4)
    revoked = four.head() + signature(four.primary, 0x20, digest="sha1") + four.named() + four.bound()
    assert why_not(revoked) == "it was revoked by its owner"
    without = four.whole() + signature(four.primary, 0x28, four.subkey.signed, digest="sha1")
    assert why_not(without) == "it has no key for encryption"
    taken = packet(13, b"B <b@example.org>") + signature(four.primary, 0x30, over(b"B <b@example.org>"), digest="sha1")
    named = signature(four.primary, 0x13, over(b"B <b@example.org>"))
    assert read_certificate(four.head() + taken + named + four.bound(), now=NOW).addresses == ()
    assert why_not(packet(6, four.primary.body) + four.direct(CERTIFY_SIGN, digest="sha1") + four.bound()) == (
        "no user id is signed by its own key"
    )


def test_a_direct_signature_that_was_withdrawn() -> None:
    """RFC 9580 5.2.1.13: what is older than the revocation counts no more."""
    withdrawn = OURS.head() + signature(OURS.primary, 0x30, at=LATER)
    assert why_not(withdrawn + OURS.bound()) == "its key is not signed by itself"
    again = withdrawn + OURS.direct(CERTIFY_SIGN, READS_SEIPD_2, at=LATER + DAY)
    assert why_not(again + OURS.bound()) == ""


@pytest.mark.parametrize("days", [(99, 0), (0, 99), (99, 200), (200, 99)])
@pytest.mark.parametrize("is_direct_newer", [False, True])
def test_the_earlier_end_of_version_4_counts(*, days: tuple[int, int], is_direct_newer: bool) -> None:
    """CR-01, the trap: `gpg addrevoker` makes a direct signature that tells neither an end nor what the key is for."""
    four = Maker.new(4)
    text, at = b"B <b@example.org>", (LATER, CREATED) if is_direct_newer else (CREATED, LATER)
    direct = signature(four.primary, 0x1F, b"", *([lasting(days[0])] if days[0] else []), at=at[0])
    named = signature(four.primary, 0x13, over(text), CERTIFY_SIGN, *([lasting(days[1])] if days[1] else []), at=at[1])
    data = packet(6, four.primary.body) + direct + packet(13, text) + named + four.bound()
    assert why_not(data) == "it expired on 2026-11-23"


def test_the_end_of_the_only_subkey_is_told() -> None:
    """CR-03's foresight: the key that ends first."""
    data = OURS.head(CERTIFY_SIGN, lasting(300)) + OURS.bound(ENCRYPT, lasting(200))
    assert read_certificate(data, now=NOW).expires_at == CREATED + 200 * DAY


@pytest.mark.parametrize(
    ("version", "subpackets", "expected"),
    [
        (6, (CERTIFY_SIGN, READS_SEIPD_2), True),
        (6, (CERTIFY_SIGN,), True),
        (6, (CERTIFY_SIGN, b"\x1e\x01"), False),
        (4, (CERTIFY_SIGN, READS_SEIPD_2), True),
        (4, (CERTIFY_SIGN,), False),
    ],
)
def test_who_reads_seipd_version_2(version: int, subpackets: tuple[bytes, ...], *, expected: bool) -> None:
    """RFC 9580 13.7: who says so, and who has version 6 and says nothing."""
    made = Maker.new(version)
    data = packet(6, made.primary.body) + made.direct(*subpackets) + made.bound()
    assert open_certificate(data, now=NOW).reads_seipd_2 is expected


def test_which_copy_is_newer() -> None:
    """CR-03: by what the owner has revoked; a user id and a subkey, of version 6."""
    first = OURS.whole()
    revoked = first + OURS.revocation(of_subkey=True)
    taken = signature(OURS.primary, 0x30, over(b"B <b@example.org>"), at=LATER)
    both = OURS.head() + OURS.named() + taken + OURS.bound() + OURS.revocation(of_subkey=True)
    assert (len(revocations(first)), len(revocations(revoked)), len(revocations(both))) == (0, 1, 2)
    assert (age_of(revoked, first), age_of(both, revoked), age_of(first, both)) == (Age.NEWER, Age.NEWER, Age.OLDER)
    assert read_certificate(both, now=NOW).addresses == ()


@pytest.mark.parametrize(
    "data",
    [
        packet(6, OURS.primary.body[:-1]),
        packet(6, OURS.primary.body + b"?"),
        packet(6, make_key(27, bytes(33)).body),
        packet(6, b""),
        packet(14, OURS.subkey.body),
        OURS.whole() + packet(11, b"b\x00\x00\x00\x00\x00data"),
        OURS.whole() + packet(39, b"critical"),
        OURS.whole()[:-1],
    ],
    ids=[
        "cut",
        "longer",
        "a longer point",
        "empty",
        "no primary",
        "a message",
        "a critical packet",
        "cut at the end",
    ],
)
def test_unreadable(data: bytes) -> None:
    """RFC 9580 4.3 and 10: one error, and nothing of it is used."""
    with pytest.raises(CertificateError):
        read_certificate(data, now=NOW)


def test_a_key_of_version_4_that_cannot_be_hashed() -> None:
    """RFC 9580 5.2.4: its length has two octets there. Such a key comes in what is not limited: our own."""
    with pytest.raises(CertificateError, match="too large"):
        parse_key(b"\x04" + bytes(4) + b"\x63" + bytes(70_000))


WHOLE: Final = OURS.whole()


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_octet_never_surprises(at: int, by: int) -> None:
    """Invariant: CertificateError or facts; and what is still usable is the same key for the same addresses."""
    damaged = WHOLE[:at] + bytes([WHOLE[at] ^ by]) + WHOLE[at + 1 :]
    try:
        found = open_certificate(damaged, now=NOW)
    except CertificateError:
        return
    whole = open_certificate(WHOLE, now=NOW)
    same = found.facts.fingerprint == whole.facts.fingerprint and set(found.facts.addresses) <= set(
        whole.facts.addresses
    )
    assert (same and found.keys == whole.keys) or not found.facts.usable
