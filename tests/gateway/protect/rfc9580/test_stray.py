"""gateway.protect.rfc9580 against certificates that are put together badly: parts twice, words of the owner in another
place, from another time, or in two senses; and against those made to cost time.
"""

from collections.abc import Callable
from datetime import timedelta
from time import thread_time
from typing import Final

import pytest

from gateway.protect.certificates import open_certificate, read_certificate, revocations
from gateway.protect.errors import CertificateError
from gateway.protect.found import newer_copy
from gateway.protect.rfc9580.certificate import read_packets
from gateway.protect.rfc9580.keys import parse_key
from gateway.protect.rfc9580.signatures import ENCRYPTION, parse_signature
from tests.gateway.protect.keys import CREATED, NOW
from tests.gateway.protect.rfc9580.maker import (
    CERTIFY_SIGN,
    ENCRYPT,
    Maker,
    lasting,
    make_key,
    over,
    packet,
    signature,
)

DAY: Final = timedelta(days=1)
SOON: Final = NOW + timedelta(minutes=10)
B: Final = b"B <b@example.org>"
UNCLEAR: Final = b"\xe3?"  # a private subpacket, critical
NO_KEY, NOT_SIGNED = "it has no key for encryption", "its key is not signed by itself"
REVOKED: Final = "it was revoked by its owner"
ENDED: Final = b"\x03" + (9 * 86_400).to_bytes(4, "big")  # the signature itself
ENCRYPT_TOO: Final = b"\x1b\x0f"


def unnamed(made: Maker) -> bytes:
    """A key that has said nothing yet."""
    return packet(6, made.primary.body)


def young(made: Maker, at: timedelta) -> Maker:
    """With a subkey that is younger, or to come."""
    body = made.subkey.body
    made_at = int((NOW + at).timestamp()).to_bytes(4, "big")
    return Maker(made.primary, type(made.subkey)(made.subkey.version, body[:1] + made_at + body[5:]))


REFUSED: Final[dict[str, tuple[Callable[[Maker], bytes], str]]] = {
    "the subkey twice, the second revoked": (
        lambda made: made.whole() + packet(14, made.subkey.body) + made.revocation(of_subkey=True), NO_KEY,
    ),
    "the subkey twice, the second no more for encryption": (
        lambda made: made.whole() + packet(14, made.subkey.body) + made.binding(b"\x1b\x00", at=CREATED + DAY), NO_KEY,
    ),
    "a revocation at the end": (lambda made: made.whole() + made.revocation(), REVOKED),
    "an end, at the end": (
        lambda made: made.whole() + made.direct(CERTIFY_SIGN, lasting(99), at=CREATED + DAY),
        "it expired on 2026-11-23",
    ),
    "a subkey's revocation beside a user id": (
        lambda made: made.head() + made.named() + made.revocation(of_subkey=True) + made.bound(), NO_KEY,
    ),
    "a subkey's revocation beside another subkey": (
        lambda made: (
            made.whole() + packet(14, Maker.new(made.primary.version).subkey.body) + made.revocation(of_subkey=True)
        ),
        NO_KEY,
    ),
    "a revocation that we do not understand": (
        lambda made: made.whole() + signature(made.primary, 0x20, b"", UNCLEAR), REVOKED,
    ),
    "a subkey's revocation that we do not understand": (
        lambda made: made.whole() + signature(made.primary, 0x28, made.subkey.signed, UNCLEAR), NO_KEY,
    ),
    "a revocation before the key was made": (lambda made: made.whole() + made.revocation(at=CREATED - DAY), REVOKED),
    "a revocation to come": (lambda made: made.whole() + made.revocation(at=NOW + DAY), REVOKED),
    "a binding to come": (lambda made: made.head() + made.named() + made.bound(at=NOW + DAY), NO_KEY),
    "a binding before the key was made": (
        lambda made: made.head() + made.named() + made.bound(at=CREATED - DAY), NO_KEY,
    ),
    "a subkey to come": (
        lambda made: made.head() + made.named() + young(made, DAY).bound(at=NOW),
        "its encryption key begins only on 2026-11-25",
    ),
    "a newer binding that has expired": (
        lambda made: (
            made.head() + made.named() + made.bound() + made.binding(ENCRYPT, ENDED, at=CREATED + DAY)
        ),
        NO_KEY,
    ),
    "two bindings of the same second": (
        lambda made: made.head() + made.named() + made.bound(ENCRYPT) + made.binding(b"\x1b\x00"),
        NO_KEY,
    ),
    "two bindings of the same second, one with an end": (
        lambda made: made.head() + made.named() + made.bound(ENCRYPT) + made.binding(ENCRYPT, lasting(99)),
        "its encryption key expired on 2026-11-23",
    ),
    "a binding in two senses": (lambda made: made.head() + made.named() + made.bound(b"\x1b\x00", ENCRYPT), NO_KEY),
    "a binding with two ends": (
        lambda made: made.head() + made.named() + made.bound(ENCRYPT, lasting(99), lasting(999)), NO_KEY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_wherever_it_stands(name: str, version: int) -> None:
    """CR-01: GnuPG and Sequoia put it in order before they judge, and refuse what comes from another time."""
    made = Maker.new(version)
    data, why = REFUSED[name][0](made), REFUSED[name][1]
    found = open_certificate(data, now=NOW)
    assert (found.facts.why_not, found.keys) == (why, ())
    assert found.facts.is_revoked is (why == REVOKED)


def test_the_key_itself_is_to_come() -> None:
    """CR-01: no program encrypts to it before."""
    made = Maker.new(6)
    early = read_certificate(made.head() + made.named() + made.bound(), now=CREATED - DAY)
    assert early.why_not == NOT_SIGNED
    six = Maker.new(6)
    late = read_certificate(six.head() + six.bound(), now=CREATED - timedelta(minutes=10))
    assert late.why_not == ""  # clocks differ


def test_a_direct_signature_to_come_or_too_early() -> None:
    """CR-01: neither says anything, of version 6, where nothing else does."""
    made = Maker.new(6)
    for at in (NOW + DAY, CREATED - DAY):
        assert read_certificate(unnamed(made) + made.direct(CERTIFY_SIGN, at=at), now=NOW).why_not == NOT_SIGNED
    soon = unnamed(made) + made.direct(CERTIFY_SIGN, at=SOON) + made.bound(at=SOON)
    assert read_certificate(soon, now=NOW).why_not == ""


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "words",
    [
        lambda made: made.named() + made.bound() + packet(13, B) + signature(made.primary, 0x30, over(B)),
        lambda made: made.named() + made.bound() + signature(made.primary, 0x30, over(B)),
        lambda made: made.named() + signature(made.primary, 0x30, over(B), UNCLEAR) + made.bound(),
        lambda made: packet(13, B) + signature(made.primary, 0x13, over(B), at=NOW + DAY) + made.bound(),
        lambda made: packet(13, B) + signature(made.primary, 0x13, over(B), at=CREATED - DAY) + made.bound(),
        lambda made: made.named("B <b@example.org\0>") + made.named("b@example.org\0") + made.bound(),
        lambda made: made.named("B <b@ex\N{CYRILLIC SMALL LETTER A}mple.org>") + made.bound(),
        lambda made: made.named("<b@example.org> <e@example.org>").replace(b"e@", b"b@") + made.bound(),
    ],
    ids=["twice", "elsewhere", "unclear", "to come", "too early", "NUL", "alike", "changed"],
)
def test_what_is_no_address(words: Callable[[Maker], bytes], version: int) -> None:
    """CR-01: of the key; so nothing is encrypted to it for that address."""
    made = Maker.new(version)
    assert read_certificate(made.head() + words(made), now=NOW).addresses == ()


def test_what_stands_elsewhere_is_told_as_revoked() -> None:
    """CR-03: so that a newer copy takes the place of the old one."""
    made = Maker.new(6)
    whole = made.whole()
    assert revocations(whole + made.revocation()) == {parse_key(made.primary.body).fingerprint}
    ours = made.head() + made.named() + made.revocation(of_subkey=True) + made.bound()
    assert revocations(ours) == {parse_key(made.subkey.body).fingerprint}
    assert revocations(whole + Maker.new(6).revocation() + Maker.new(6).revocation(of_subkey=True)) == frozenset()


@pytest.mark.parametrize(
    "usages", [(CERTIFY_SIGN, ENCRYPT_TOO), (ENCRYPT_TOO, CERTIFY_SIGN), (b"\x1b\x00", ENCRYPT_TOO)]
)
@pytest.mark.parametrize("is_direct_newer", [False, True])
def test_version_4_is_for_what_both_signatures_allow(usages: tuple[bytes, bytes], *, is_direct_newer: bool) -> None:
    """CR-01: GnuPG asks the user id first, whichever is newer; a primary key encrypts when both say so."""
    private = Maker.new(4).primary
    times = (CREATED + DAY, CREATED) if is_direct_newer else (CREATED, CREATED + DAY)
    direct = signature(private, 0x1F, b"", usages[0], at=times[0])
    named = packet(13, B) + signature(private, 0x13, over(B), usages[1], at=times[1])
    says = read_packets(packet(6, private.body) + direct + named).says_of_primary(NOW)
    assert says is not None
    assert not says.flags & ENCRYPTION


def test_a_newer_signature_with_sha1_only_takes_away() -> None:
    """CR-01: of version 4, where GnuPG believes it."""
    made = Maker.new(4)
    for words, why in (
        ((ENCRYPT, lasting(99)), "its encryption key expired on 2026-11-23"),
        ((b"\x1b\x00",), NO_KEY),
        ((ENCRYPT, ENDED), NO_KEY),
    ):
        weak = signature(made.primary, 0x18, made.subkey.signed, *words, at=CREATED + DAY, digest="sha1")
        assert read_certificate(made.whole() + weak, now=NOW).why_not == why
    over_it = signature(made.primary, 0x13, over(B), lasting(99), at=CREATED + DAY, digest="sha1")
    data = made.head() + made.named() + over_it + made.bound()
    assert read_certificate(data, now=NOW).why_not == "it expired on 2026-11-23"
    longer = signature(made.primary, 0x18, made.subkey.signed, ENCRYPT, lasting(999), at=CREATED + DAY, digest="sha1")
    short = made.head() + made.named() + made.bound(ENCRYPT, lasting(99)) + longer
    assert read_certificate(short, now=NOW).why_not == "its encryption key expired on 2026-11-23"


def test_an_end_that_another_user_id_tells() -> None:
    """CR-01: of version 4, where GnuPG looks for it there; a later one of those that tell it counts."""
    made = Maker.new(4)
    other = packet(13, b"C") + signature(made.primary, 0x13, over(b"C"), CERTIFY_SIGN, at=CREATED + DAY)
    for days, why in (((99,), "it expired on 2026-11-23"), ((99, 999), "")):
        names = [(f"B{number}".encode(), CREATED + number * timedelta(hours=1), end) for number, end in enumerate(days)]
        told = [
            packet(13, name) + signature(made.primary, 0x13, over(name), CERTIFY_SIGN, lasting(end), at=at)
            for name, at, end in names
        ]
        for order in ([*told, other], [other, *told]):
            assert read_certificate(unnamed(made) + b"".join(order) + made.bound(), now=NOW).why_not == why


def test_an_unreadable_subkey_does_not_stop_a_newer_copy() -> None:
    """CR-03: the user id that the newer copy lacks is kept."""
    made = Maker.new(4)
    strange = packet(14, b"\x03" + bytes(20)) + made.binding(ENCRYPT)
    newer = made.head() + made.bound() + made.revocation(of_subkey=True)
    assert newer_copy(newer, made.whole() + strange, now=NOW)[1].addresses == ("b@example.org",)


def test_many_small_parts_cost_no_time() -> None:
    """CR-01: each revocation with each part would be a million signatures; it is refused before."""
    made = Maker.new(4)
    word = signature(made.primary, 0x28)[6:]
    tiny = packet(2, word[:12] + b"\0\0??")
    assert parse_signature(word) is not None
    keys = b"".join(packet(14, make_key(99, number.to_bytes(2, "big"), version=4).body) for number in range(900))
    started = thread_time()
    with pytest.raises(CertificateError, match="too many parts and revocations"):
        read_certificate(made.head() + keys + tiny * 600, now=NOW)
    assert thread_time() - started < 1
