"""TLSA records: which are usable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tls.pki import ALONE, LEAF
from tls.dane.parse import RECORD_LIMIT, Tlsa, is_usable, parse_tlsa, select_usable
from tls.errors import TlsaSyntaxError

SHA256, SHA512 = bytes(32), bytes(64)


def wire(record: Tlsa) -> bytes:
    return bytes((record.usage, record.selector, record.matching)) + record.data


def test_rdata() -> None:
    """RFC 6698 2.1 and 2.2."""
    record = parse_tlsa(b"\x03\x01\x01" + bytes.fromhex("00ff"))
    assert record == Tlsa(3, 1, 1, b"\x00\xff")
    assert str(record) == "3 1 1 00FF"


@pytest.mark.parametrize("rdata", [b"", b"\x03", b"\x03\x01\x01"])
def test_short_rdata(rdata: bytes) -> None:
    with pytest.raises(TlsaSyntaxError):
        parse_tlsa(rdata)
    assert select_usable([rdata]) == ()


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_usable(usage: int, selector: int, matching: int) -> None:
    """TL-20: both usages, both selectors, all three matchings."""
    assert is_usable(LEAF.tlsa(usage, selector, matching))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (LEAF.tlsa(0, 0, 1), "PKIX-TA: RFC 7672 3.1.3"),
        (LEAF.tlsa(1, 1, 1), "PKIX-EE: RFC 7672 3.1.3"),
        (Tlsa(4, 1, 1, SHA256), "unknown usage"),
        (Tlsa(255, 1, 1, SHA256), "PrivCert"),
        (Tlsa(3, 2, 1, SHA256), "unknown selector"),
        (Tlsa(3, 255, 1, SHA256), "PrivSel"),
        (Tlsa(3, 1, 3, SHA256), "unknown matching"),
        (Tlsa(3, 1, 255, SHA256), "PrivMatch"),
        (Tlsa(3, 1, 1, SHA256[1:]), "SHA-256 of 31 octets"),
        (Tlsa(3, 1, 1, SHA512), "SHA-256 of 64 octets"),
        (Tlsa(3, 1, 2, SHA256), "SHA-512 of 32 octets"),
        (Tlsa(3, 1, 2, SHA512 + b"\x00"), "SHA-512 of 65 octets"),
        (Tlsa(3, 1, 1, SHA256.hex().encode()), "a digest in hex"),
        (Tlsa(3, 0, 0, b"\x30\x03\x02\x01\x01"), "no certificate"),
        (Tlsa(3, 1, 0, LEAF.der), "a certificate where a key belongs"),
        (Tlsa(2, 0, 0, LEAF.spki), "a key where a certificate belongs"),
        (Tlsa(2, 0, 0, LEAF.der + b"\x00"), "something behind the certificate"),
    ],
)
def test_unusable(record: Tlsa, why: str) -> None:
    """TL-22."""
    assert not is_usable(record)
    assert select_usable([wire(record)]) == ()


def test_a_certificate_of_no_known_version_is_unusable() -> None:
    """TL-22: the library refuses it by an error that is no ValueError."""
    record = LEAF.tlsa(3, 0, 0)
    odd = record.data.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06", 1)
    assert odd != record.data
    assert select_usable([wire(Tlsa(3, 0, 0, odd)), wire(record)]) == (record,)


def test_the_stronger_digest_counts() -> None:
    """RFC 7671 9: for the same usage and selector; whoever breaks SHA-256 gains nothing where SHA-512 is published."""
    records = [LEAF.tlsa(3, 1, 1), LEAF.tlsa(3, 1, 2), LEAF.tlsa(2, 1, 1), LEAF.tlsa(3, 0, 1), LEAF.tlsa(3, 1, 0)]
    assert select_usable(map(wire, records)) == (records[1], *records[2:])


def test_an_unusable_stronger_digest_takes_nothing_away() -> None:
    good = LEAF.tlsa(3, 1, 1)
    assert select_usable(map(wire, [good, Tlsa(3, 1, 2, SHA256)])) == (good,)


def test_usable_among_unusable() -> None:
    """TL-22: the rest of the RRset is as if it were not there."""
    records = [LEAF.tlsa(0, 0, 1), ALONE.tlsa(3, 1, 1), Tlsa(9, 9, 9, b"x")]
    assert select_usable(map(wire, records)) == (records[1],)


def test_a_large_rrset_is_bounded() -> None:
    rdatas = [wire(Tlsa(3, 1, 1, number.to_bytes(32, "big"))) for number in range(10 * RECORD_LIMIT)]
    assert len(select_usable(rdatas)) == RECORD_LIMIT


@given(st.lists(st.binary(max_size=70), max_size=4))
def test_any_bytes(rdatas: list[bytes]) -> None:
    """Invariant: what is selected is usable, and nothing is raised."""
    assert all(is_usable(record) for record in select_usable(rdatas))
