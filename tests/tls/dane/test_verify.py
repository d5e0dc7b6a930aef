"""Which chains a TLSA record authenticates: real handshakes, and chains that an attacker would make."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from tests.faulty import certificates
from tests.tls.pki import ALONE, DAY, HOST, LEAF, MIDDLE, NOW, ROOT, STRANGER, Issued, issue
from tests.tls.test_handshakes import shake
from tls.certificates import peer_chain
from tls.contexts import build_contexts
from tls.dane.parse import Tlsa
from tls.dane.verify import CHAIN_LIMIT, Dane, DaneState, match_chain

KINDS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


@pytest.fixture(scope="module")
def client() -> ssl.SSLContext:
    return build_contexts().unauthenticated


def dane(*records: Tlsa, names: Sequence[str] = (HOST,)) -> Dane:
    return Dane(state=DaneState.USABLE, base=HOST, names=tuple(names), records=records)


def matches(record: Tlsa, chain: Sequence[bytes], names: Sequence[str] = (HOST,)) -> bool:
    return match_chain(dane(record, names=names), chain, now=NOW) is record


@pytest.mark.parametrize(("selector", "matching"), KINDS)
def test_dane_ee(client: ssl.SSLContext, selector: int, matching: int) -> None:
    """TL-20, RFC 7672 3.1.1: usage 3 ignores name, expiry and who signed."""
    chain = peer_chain(shake(client, ALONE.server(), HOST))
    assert matches(ALONE.tlsa(3, selector, matching), chain)
    assert not matches(LEAF.tlsa(3, selector, matching), chain)


@pytest.mark.parametrize(("selector", "matching"), KINDS)
@pytest.mark.parametrize("anchor", [MIDDLE, ROOT])
def test_dane_ta(client: ssl.SSLContext, anchor: Issued, selector: int, matching: int) -> None:
    """TL-20, RFC 7672 3.1.2: usage 2 needs a path to the anchor, which may be below the root, and the name."""
    chain = peer_chain(shake(client, LEAF.server(), HOST))
    assert len(chain) == 3
    record = anchor.tlsa(2, selector, matching)
    assert matches(record, chain)
    assert not matches(record, chain, ["mx2.b.example"])
    assert matches(record, chain, ["b.example", HOST])
    assert not matches(STRANGER.tlsa(2, selector, matching), chain)


@pytest.mark.parametrize("selector", [0, 1])
def test_a_whole_anchor_need_not_be_sent(selector: int) -> None:
    """RFC 7671 5.2.2: the record holds it."""
    assert matches(ROOT.tlsa(2, selector, 0), (LEAF.der, MIDDLE.der))
    assert matches(MIDDLE.tlsa(2, selector, 0), (LEAF.der,))
    assert not matches(STRANGER.tlsa(2, selector, 0), (LEAF.der, MIDDLE.der))
    assert not matches(ROOT.tlsa(2, selector, 1), (LEAF.der, MIDDLE.der))


def test_chain_in_any_order() -> None:
    """RFC 8446 4.4.2: only the first certificate has a place of its own."""
    assert matches(ROOT.tlsa(2, 1, 1), (LEAF.der, ROOT.der, MIDDLE.der, STRANGER.der))


def test_trustme(client: ssl.SSLContext) -> None:
    """A private authority whose certificates the web's rules refuse (critical subjectAltName)."""
    chain = peer_chain(shake(client, certificates.good(HOST), HOST))
    root = x509.load_pem_x509_certificate(certificates.authority().cert_pem.bytes())
    assert matches(Issued(root, None).tlsa(2, 0, 0), chain)
    assert not matches(Issued(root, None).tlsa(2, 0, 0), chain, ["mx.c.example"])


USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
OTHERS = x509.NameConstraints([x509.DNSName("other.example")], None)
FOREIGN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def below(**kind: object) -> Issued:
    """A server's certificate below an authority that has a fault, below the good root."""
    return issue(issue(ROOT, name="bad", **{"is_ca": True, **kind}), HOST)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        (issue(ROOT, HOST, until=NOW - timedelta(hours=1)), "expired"),
        (issue(ROOT, HOST, since=NOW + timedelta(hours=1)), "not yet valid"),
        (issue(ROOT, name=HOST), "the name only in the common name"),
        (issue(ROOT, "*.example"), "a wildcard two labels up"),
        (issue(ROOT, "mx*.b.example"), "a wildcard in a label"),
        (issue(ROOT, HOST, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]), "for clients"),
        (issue(ROOT, HOST, extensions=[FOREIGN]), "an unknown critical extension"),
        (issue(LEAF, HOST), "signed by a server's certificate"),
        (below(is_ca=False), "signed by what says it is no authority"),
        (below(is_ca=None), "signed by what does not say it is an authority"),
        (below(until=NOW - timedelta(hours=1)), "below an expired authority"),
        (below(extensions=[USAGE]), "below a key that is not for certificates"),
        (below(extensions=[OTHERS]), "below an authority for other names"),
        (below(extensions=[FOREIGN]), "below an unknown critical extension"),
        (issue(issue(issue(ROOT, name="a", is_ca=True, path_length=0), name="b", is_ca=True), HOST), "path too long"),
        (replace(issue(STRANGER, HOST), above=(ROOT,)), "a forged path: the same names, another key"),
        (replace(issue(None, HOST), above=(ROOT,)), "self-signed, with the anchor put behind it"),
        (replace(issue(issue(STRANGER, name="middle", is_ca=True), HOST), above=(MIDDLE, ROOT)), "forged one higher"),
    ],
)
def test_bad_path(leaf: Issued, why: str) -> None:
    """TL-21: the anchor in the chain proves nothing without a path, a date and a name."""
    for selector, matching in KINDS:
        assert not matches(ROOT.tlsa(2, selector, matching), leaf.chain)


def test_an_expired_anchor() -> None:
    """RFC 7671 5.2: an anchor is subject to dates as any other."""
    old = issue(name="old", is_ca=True, until=NOW - timedelta(hours=1))
    assert not matches(old.tlsa(2, 0, 1), issue(old, HOST).chain)


def test_wildcard_of_one_label() -> None:
    """RFC 7672 3.2.3."""
    assert matches(ROOT.tlsa(2, 1, 1), issue(ROOT, "*.b.example").chain)


def test_the_server_is_no_anchor_for_itself() -> None:
    """RFC 7671 5.2: usage 2 names an issuer."""
    for selector, matching in KINDS[1:]:
        assert not matches(LEAF.tlsa(2, selector, matching), LEAF.chain)


def test_rsa_authority() -> None:
    root = issue(name="rsa", is_ca=True, key=rsa.generate_private_key(65537, 2048))
    for selector, matching in KINDS:
        assert matches(root.tlsa(2, selector, matching), issue(root, HOST).chain)


def test_a_certificate_without_an_end() -> None:
    """RFC 5280 4.1.2.5: 99991231235959Z says never; also for an authority of which only the key is held."""
    leaf = issue(ROOT, HOST, until=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    for selector, matching in KINDS:
        assert matches(ROOT.tlsa(2, selector, matching), leaf.chain)
    assert matches(ROOT.tlsa(2, 1, 0), leaf.chain[:1])


def test_an_unreadable_certificate_matches_nothing() -> None:
    """TL-21: of a version that the library does not know."""
    odd = LEAF.chain[0].replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06", 1)
    assert odd != LEAF.chain[0]
    for selector, matching in KINDS:
        assert not matches(ROOT.tlsa(2, selector, matching), (odd, *LEAF.chain[1:]))
        assert not matches(LEAF.tlsa(3, selector, matching), (odd,))


def test_an_authority_with_another_kind_of_key() -> None:
    """Ed25519 is left out, and fails closed; usage 3 takes it."""
    root = issue(name="ed", is_ca=True, key=ed25519.Ed25519PrivateKey.generate())
    for selector, matching in KINDS:
        assert not matches(root.tlsa(2, selector, matching), issue(root, HOST).chain)
        assert matches(root.tlsa(3, selector, matching), root.chain)


def test_the_first_record_that_matches() -> None:
    """One of many is enough (RFC 7671 8.1: keys are rolled over so)."""
    good = LEAF.tlsa(3, 1, 1)
    assert match_chain(dane(ALONE.tlsa(3, 1, 1), ALONE.tlsa(2, 0, 1), good), LEAF.chain, now=NOW) is good
    assert match_chain(dane(), LEAF.chain, now=NOW) is None


def test_a_long_chain_is_bounded() -> None:
    filler = (STRANGER.der,) * CHAIN_LIMIT
    assert not matches(ROOT.tlsa(2, 1, 1), (LEAF.der, *filler, MIDDLE.der, ROOT.der))


@pytest.mark.slow
@given(st.lists(st.binary(max_size=40) | st.sampled_from(LEAF.chain), max_size=4))
def test_any_chain(chain: list[bytes]) -> None:
    """Invariant: only a chain that begins with the certificate matches, and nothing is raised."""
    is_ours = chain[:1] == [LEAF.der]
    assert (match_chain(dane(LEAF.tlsa(3, 1, 1), LEAF.tlsa(3, 0, 0)), chain, now=NOW) is not None) is is_ours
    assert not is_ours or match_chain(dane(ALONE.tlsa(2, 1, 1)), chain, now=NOW + DAY) is None
