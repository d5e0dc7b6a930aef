"""gateway.protect.rfc9580.merge: a newer copy in an older one's place, and nothing of the owner's is lost (CR-03)."""

from datetime import timedelta
from typing import Final

import pytest

from gateway.protect.armour import bodies
from gateway.protect.certificates import read_certificate
from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580.merge import merge
from tests.gateway.protect.keys import CREATED, NOW
from tests.gateway.protect.rfc9580.maker import ENCRYPT, Maker, lasting, packet

OURS, OTHER = Maker.new(), Maker.new()
LATER: Final = CREATED + timedelta(days=2)
STRIPPED: Final = OURS.head() + OURS.bound() + OURS.revocation(of_subkey=True)


def test_user_ids_are_kept() -> None:
    """Before the subkeys, so that everybody reads it; the revocation counts."""
    whole = merge(STRIPPED, OURS.whole())
    assert bodies(whole) == bodies(OURS.head() + OURS.named() + OURS.bound() + OURS.revocation(of_subkey=True))
    facts = read_certificate(whole, now=NOW)
    assert (facts.addresses, facts.why_not) == (("b@example.org",), "it has no key for encryption")


def test_a_copy_that_lacks_nothing_stays_as_it_is() -> None:
    """Octet for octet, with packets of which we know nothing."""
    newer = OURS.whole() + OURS.revocation(of_subkey=True) + packet(60, b"private")
    assert merge(newer, OURS.whole()) == newer


def test_an_older_end_is_kept_beside_the_newer() -> None:
    """The newest of the owner's own words counts, wherever it stands."""
    shorter = OURS.head() + OURS.named() + OURS.bound(ENCRYPT, lasting(99), at=LATER)
    merged = merge(OURS.whole(), shorter)
    assert read_certificate(merged, now=NOW).why_not == "its encryption key expired on 2026-11-23"


def test_what_others_signed_is_not_taken_over() -> None:
    """CR-01, the attack: an old copy on file that somebody filled up."""
    old = (
        OURS.head()
        + OURS.named()
        + OTHER.revocation()
        + OTHER.named("E <evil@example.org>")
        + OURS.bound()
        + OTHER.bound()
    )
    assert merge(STRIPPED, old) == merge(STRIPPED, OURS.whole())


@pytest.mark.parametrize("old", [OTHER.whole(), b"", b"damaged"], ids=["another key", "nothing", "damaged"])
def test_only_copies_of_one_key(old: bytes) -> None:
    with pytest.raises(CertificateError):
        merge(STRIPPED, old)
