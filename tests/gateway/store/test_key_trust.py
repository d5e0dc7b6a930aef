"""What a look-up finds is filed with the trust that its source gives, and never takes another key's place (CR-03)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.store import certificates
from gateway.store.certificates import Certificate, Ring, Source, Trust, judge_found
from gateway.store.store import Store

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD = Certificate(fingerprint="A" * 40, address="dr@partner.example", certificate=b"old", imported_at=NOW)
NEW = replace(OLD, fingerprint="B" * 40, certificate=b"new", source=Source.WKD, imported_at=NOW + timedelta(days=1))
RENEWED = replace(OLD, certificate=b"renewed", source=Source.WKD)


@pytest.mark.parametrize(
    ("trust", "source", "expected"),
    [
        (None, Source.WKD, Trust.DOMAIN),
        (None, Source.DNS, Trust.DOMAIN),
        (None, Source.VKS, Trust.NONE),
        (Trust.PERSON, Source.WKD, Trust.PENDING),
        (Trust.DOMAIN, Source.DNS, Trust.PENDING),
        (Trust.REVOKED, Source.WKD, Trust.PENDING),
        (Trust.PENDING, Source.WKD, Trust.PENDING),
        (Trust.NONE, Source.WKD, Trust.DOMAIN),
        (Trust.REFUSED, Source.WKD, Trust.DOMAIN),
        (Trust.PERSON, Source.VKS, Trust.NONE),
    ],
)
def test_another_key(trust: Trust | None, source: Source, expected: Trust) -> None:
    """CR-03: trust of the key on file, where the new one comes from, and what that makes of it."""
    known = [replace(OLD, trust=trust)] if trust else []
    (filed,) = judge_found([replace(NEW, source=source)], known, is_revoked=False)
    assert (filed.fingerprint, filed.trust, filed.source) == (NEW.fingerprint, expected, source)


@pytest.mark.parametrize("trust", list(Trust))
def test_the_same_key_renewed_keeps_its_trust(trust: Trust) -> None:
    """It is signed by itself; one that was refused or revoked stays so, whatever is served later."""
    old = replace(OLD, trust=trust, expires_at=NOW)
    filed = judge_found([RENEWED], [old], is_revoked=False)
    if trust in (Trust.REFUSED, Trust.REVOKED, Trust.PERSON):
        assert filed == ()
    else:
        assert filed == (replace(RENEWED, trust=trust, source=Source.FILE),)


@pytest.mark.parametrize(("before", "after"), [(None, None), (None, NOW), (NOW, NOW), (NOW, NOW - timedelta(days=1))])
def test_a_copy_without_a_later_end_is_not_taken(before: datetime | None, after: datetime | None) -> None:
    """CR-03: an older copy lacks the revocation of a subkey."""
    old = replace(OLD, trust=Trust.DOMAIN, expires_at=before)
    assert judge_found([replace(RENEWED, expires_at=after)], [old], is_revoked=False) == ()


def test_a_revocation_counts_for_what_is_on_file_only() -> None:
    """CR-01."""
    (filed,) = judge_found([RENEWED], [OLD], is_revoked=True)
    assert filed.trust is Trust.REVOKED
    assert judge_found([NEW], [OLD], is_revoked=True) == ()


def test_two_keys_of_one_first_answer_both_count() -> None:
    second = replace(NEW, fingerprint="C" * 40)
    assert {one.trust for one in judge_found([NEW, second], [], is_revoked=False)} == {Trust.DOMAIN}


async def test_the_address_waits_with_its_key(store: Store) -> None:
    """CR-03: neither the old nor the new one counts, for the ring and for the fact `recipient.has_openpgp_key`."""
    other = replace(OLD, address="lab@partner.example")
    for one in (OLD, other):
        await certificates.add(store, one, events=())
    await certificates.found(store, [NEW], events=lambda _: ())
    async with store.read() as conn:
        assert await certificates.ring(conn, "DR@partner.example") == Ring(pending=(NEW.fingerprint,))
        assert await certificates.holders(conn) == {other.address}
    assert await certificates.accept(store, NEW.fingerprint, events=())
    assert not await certificates.accept(store, NEW.fingerprint, events=())
    async with store.read() as conn:
        assert await certificates.ring(conn, OLD.address) == Ring(usable=(b"new",))
        assert await certificates.ring(conn, other.address) == Ring(usable=(b"old",))
        assert await certificates.holders(conn) == {OLD.address, other.address}


async def test_a_refused_key_comes_back_by_a_person_only(store: Store) -> None:
    await certificates.add(store, OLD, events=())
    await certificates.found(store, [NEW], events=lambda _: ())
    assert await certificates.reject(store, NEW.fingerprint, events=())
    assert await certificates.found(store, [NEW], events=lambda _: ()) == ()
    async with store.read() as conn:
        assert await certificates.for_address(conn, OLD.address) == (b"old",)
    await certificates.add(store, NEW, events=())
    async with store.read() as conn:
        assert await certificates.for_address(conn, OLD.address) == (b"new", b"old")
