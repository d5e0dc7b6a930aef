"""gateway.protect.smime.judge, chain and crl: CR-05, refused by our checks, with the reason in words."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.protect.errors import CertificateError
from gateway.protect.smime import cms, der
from gateway.protect.smime.chain import NoPath, find_path, path_fault
from gateway.protect.smime.crl import is_revoked, load_crl
from gateway.protect.smime.judge import SMIME_CAPABILITIES, Capability, load, read_certificate
from tests.gateway.protect.smime.authority import (
    MAIL_USE,
    NOW,
    SHA1_CERTIFICATE,
    YEAR,
    Authority,
    for_pss_only,
    make_key,
    usage,
    with_sha1,
)

ROOT = Authority()
P256 = make_key("p256")
CA = x509.BasicConstraints(ca=True, path_length=None)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")


def capabilities(*entries: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(SMIME_CAPABILITIES, der.sequence(*entries))


def facts(data: bytes) -> Any:
    return read_certificate(data, now=NOW)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"end": NOW - timedelta(days=1)}, "it expired on 2026-11-23"),
        ({"start": NOW + timedelta(days=1)}, "it is not valid before 2026-11-25"),
        ({"extensions": [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]}, "it is not meant for mail"),
        ({"extensions": [MAIL_USE, usage(digital_signature=True)]}, "without keyAgreement"),
        ({"extensions": [MAIL_USE, usage(key_agreement=True, decipher_only=True)]}, "decryption only"),
        ({"extensions": [MAIL_USE, UNKNOWN]}, "critical extension that we do not know"),
        ({"addresses": ()}, "it holds no mail address"),
    ],
)
def test_refused(options: dict[str, Any], why: str) -> None:
    """CR-05: validity, usage and name."""
    assert why in facts(ROOT.issue(P256, **options)).why_not


@pytest.mark.parametrize(
    ("key", "extensions", "why"),
    [
        (make_key("rsa1024"), [MAIL_USE], "its key has 1024 bits; at least 2048 are needed"),
        (make_key("rsa2048"), [MAIL_USE, usage(digital_signature=True)], "without keyEncipherment"),
        (ed25519.Ed25519PrivateKey.generate(), [MAIL_USE], "of a kind that we cannot use (Ed25519)"),
    ],
)
def test_refused_keys(key: Any, extensions: list[x509.ExtensionType], why: str) -> None:
    """CR-05: weak keys and keys that do not encrypt."""
    assert why in facts(ROOT.issue(key, extensions=extensions)).why_not


def test_sha_1_is_refused() -> None:
    """CR-05: a signature that can be forged; the mail world still has some."""
    text = read_certificate(SHA1_CERTIFICATE, now=NOW + YEAR).why_not
    assert text == "it is signed with SHA1, which can be forged"


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
@pytest.mark.parametrize("extensions", [(), (MAIL_USE,), (MAIL_USE, usage(key_encipherment=True, key_agreement=True))])
def test_good(kind: str, extensions: tuple[x509.ExtensionType, ...]) -> None:
    """CR-05: without usages all are allowed (RFC 8550 sections 4.4.2 and 4.4.4); elliptic curves too."""
    found = facts(ROOT.issue(make_key(kind), addresses=("B@Example.org", "c@example.org"), extensions=extensions))
    assert found.why_not == ""
    assert found.addresses == ("b@example.org", "c@example.org")
    assert found.expires_at == NOW + YEAR


def test_address_in_the_subject() -> None:
    """RFC 8550 section 3: an old certificate's only place; never beside alternative names, which bind it."""
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "b@example.org")])
    assert facts(ROOT.issue(P256, addresses=(), subject=subject)).addresses == ("b@example.org",)
    assert facts(ROOT.issue(P256, addresses=("c@example.org",), subject=subject)).addresses == ("c@example.org",)


def test_capabilities() -> None:
    """RFC 4262: read where they stand; OAEP with SHA-1 is not what we write."""
    gcm = der.algorithm(cms.AES256_GCM)
    oaep = der.algorithm(cms.RSA_OAEP, der.sequence(der.element(der.CONTEXT_0, der.algorithm(cms.SHA256, der.NULL))))
    sha1 = der.algorithm(cms.RSA_OAEP, der.sequence())
    every = facts(ROOT.issue(P256, extensions=[capabilities(der.algorithm(cms.AES256_CBC), gcm, oaep)]))
    assert every.capabilities == {Capability.AES256_GCM, Capability.OAEP}
    assert facts(ROOT.issue(P256, extensions=[capabilities(sha1)])).capabilities == frozenset()
    assert facts(ROOT.issue(P256, extensions=[capabilities(b"\x30\x80")])).capabilities == frozenset()
    assert facts(ROOT.issue(P256)).capabilities == frozenset()


def test_no_certificate_at_all() -> None:
    for junk in (b"", b"junk", ROOT.der[:-1], b"\x30" * 40_000):
        with pytest.raises(CertificateError):
            facts(junk)


LEAF = ROOT.issue(P256)
MIDDLE = Authority("Middle", 101, parent=ROOT)


def test_chain() -> None:
    """CR-05: straight from an anchor, through one that stands in the file, and an anchor itself."""
    assert find_path(LEAF, [], [ROOT.der], now=NOW) == [ROOT.der]
    below = MIDDLE.issue(P256)
    assert find_path(below, [b"junk", MIDDLE.der, ROOT.der], [ROOT.der], now=NOW) == [MIDDLE.der, ROOT.der]
    assert find_path(below, [], [MIDDLE.der], now=NOW) == [MIDDLE.der]
    assert find_path(LEAF, [], [LEAF], now=NOW) == []


def permitted(*names: str) -> x509.NameConstraints:
    return x509.NameConstraints([x509.RFC822Name(one) for one in names], None)


def excluded(*names: str) -> x509.NameConstraints:
    return x509.NameConstraints(None, [x509.RFC822Name(one) for one in names])


@pytest.mark.parametrize(
    ("middle", "why"),
    [
        (Authority("M", 102, ROOT, end=NOW - timedelta(days=1)), "it expired on"),
        (Authority("M", 102, ROOT, extensions=()), "may not issue certificates"),
        (Authority("M", 102, ROOT, extensions=(x509.BasicConstraints(ca=False, path_length=None),)), "may not issue"),
        (Authority("M", 102, ROOT, extensions=(CA, usage(digital_signature=True))), "may not sign certificates"),
        (Authority("M", 102, ROOT, extensions=(CA, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))), "mail"),
        (Authority("M", 102, ROOT, extensions=(CA, UNKNOWN)), "critical extension"),
        (Authority("M", 102, ROOT, extensions=(CA, permitted("clinic.example"))), "may not vouch for this address"),
        (Authority("M", 102, ROOT, extensions=(CA, excluded("example.org"))), "may not vouch for this address"),
        (Authority("M", 102, ROOT, extensions=(CA, excluded("b@example.org"))), "may not vouch for this address"),
    ],
)
def test_issuers_that_may_not(middle: Authority, why: str) -> None:
    """CR-05: RFC 5280 section 6.1.4; an ordinary certificate's holder is no authority."""
    with pytest.raises(NoPath, match=why):
        find_path(middle.issue(P256), [middle.der], [ROOT.der], now=NOW)


@pytest.mark.parametrize("names", [permitted("example.org"), permitted("b@example.org"), excluded(".example.org")])
def test_name_constraints_that_allow(names: x509.NameConstraints) -> None:
    """RFC 5280 section 4.2.1.10: a host, a mailbox, the hosts below a domain."""
    middle = Authority("M", 103, ROOT, extensions=(CA, names))
    assert find_path(middle.issue(P256), [middle.der], [ROOT.der], now=NOW) == [middle.der, ROOT.der]


def test_path_length() -> None:
    narrow = Authority("Narrow", 104, extensions=(x509.BasicConstraints(ca=True, path_length=0),))
    assert find_path(narrow.issue(P256), [], [narrow.der], now=NOW)
    middle = Authority("M", 105, parent=narrow)
    with pytest.raises(NoPath, match="so far down"):
        find_path(middle.issue(P256), [middle.der], [narrow.der], now=NOW)


def test_no_chain() -> None:
    """CR-05: nobody known; one of the same name but another key; a chain that does not belong together."""
    impostor = Authority(number=106)
    for anchors in ([], [impostor.der], [MIDDLE.der]):
        with pytest.raises(NoPath, match="its issuer is not known"):
            find_path(LEAF, [impostor.der], anchors, now=NOW)
    assert path_fault(LEAF, [impostor.der], now=NOW) == "its chain is broken"
    assert path_fault(LEAF, [ROOT.der] * 9, now=NOW) == "its chain is too long"
    assert "expired" in path_fault(LEAF, [ROOT.der], now=NOW + 6 * YEAR)


def test_a_loop_of_issuers_ends() -> None:
    """Two authorities that certify each other: the search ends without an answer."""
    one, two = Authority("One", 107), Authority("Two", 108)
    loop = [Authority("One", 107, parent=two).der, Authority("Two", 108, parent=one).der]
    with pytest.raises(NoPath):
        find_path(one.issue(P256), loop, [ROOT.der], now=NOW)


def test_revocation_list() -> None:
    """CR-05: revoked, not revoked, and lists that say nothing."""
    serial = load(LEAF).serial_number
    assert is_revoked(LEAF, ROOT.der, load_crl(ROOT.crl(serial)), now=NOW)
    assert not is_revoked(LEAF, ROOT.der, load_crl(ROOT.crl(serial + 1)), now=NOW)
    for crl, why in (
        (ROOT.crl(end=NOW - YEAR), "out of date"),
        (ROOT.crl(signer=make_key("p256", 109)), "not signed"),
        (MIDDLE.crl(), "another authority"),
    ):
        with pytest.raises(CertificateError, match=why):
            is_revoked(LEAF, ROOT.der, load_crl(crl), now=NOW)
    with pytest.raises(CertificateError, match="not a certificate revocation list"):
        load_crl(b"junk")


def test_weak_signature_of_an_authority_between() -> None:
    """CR-05: a certificate of an authority that can be forged makes its whole chain worth nothing; an anchor's own
    signature says nothing and is not asked."""
    weak = with_sha1(MIDDLE.der, ROOT.key)
    leaf = MIDDLE.issue(P256)
    with pytest.raises(NoPath, match="its issuer 'CN=Middle': it is signed with SHA1, which can be forged"):
        find_path(leaf, [weak], [ROOT.der], now=NOW)
    assert "SHA1" in path_fault(leaf, [weak, ROOT.der], now=NOW)
    assert "SHA1" in path_fault(with_sha1(leaf, MIDDLE.key), [MIDDLE.der, ROOT.der], now=NOW)
    assert find_path(leaf, [], [weak], now=NOW) == [weak]


def test_key_for_pss_alone() -> None:
    """CR-05: RFC 4055 section 1.2: an RSA key declared for RSASSA-PSS signs, and nobody may encrypt to it."""
    certificate = ROOT.issue(make_key("rsa2048"))
    assert read_certificate(certificate, now=NOW).why_not == ""
    pss = for_pss_only(certificate, ROOT.key)
    assert read_certificate(pss, now=NOW).why_not == "its RSA key is for signatures only"
