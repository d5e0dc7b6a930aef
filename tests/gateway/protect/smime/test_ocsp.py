"""gateway.protect.smime.ocsp: answers of the real `openssl ocsp`, and which of them count (CR-05)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from gateway.protect.smime.ocsp import MAX_OCTETS, NoAnswer, Status, read_answer, request_for, responders
from tests.gateway.protect.smime.authority import Authority, make_key
from tests.gateway.protect.smime.openssl_ca import Issued, OpensslCa
from tls.web import WebPlace

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FOR_OCSP: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
STRANGE: Final = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")  # critical
LASTS: Final = ("-nmin", "60")
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Site:
    """An authority with what it issued; stranger: another one, of the same name."""

    ca: OpensslCa
    stranger: OpensslCa
    good: Issued
    revoked: Issued
    silent: Issued
    responder: Issued
    no_responder: Issued
    foreign: Issued  # of the stranger, for OCSP

    def ask(self, about: Issued, *options: str, signer: Issued | None = None) -> bytes:
        question = request_for(about.der, self.ca.der)
        return self.ca.answer(question, *(options or LASTS), signer=signer.file if signer else None)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("ocsp")
    ca = OpensslCa(folder / "ca").create()
    stranger = OpensslCa(folder / "stranger").create()
    revoked = ca.issue("revoked")
    ca.revoke(revoked)
    return Site(
        ca=ca,
        stranger=stranger,
        good=ca.issue("good"),
        revoked=revoked,
        silent=ca.issue("silent", kind="silent"),
        responder=ca.issue("responder", kind="responder"),
        no_responder=ca.issue("not-responder", kind="not_a_responder"),
        foreign=stranger.issue("responder", kind="responder"),
    )


def read(site: Site, data: bytes, about: Issued, *, later: timedelta = timedelta(0)) -> Status:
    now = datetime.now(UTC) + later
    return read_answer(data, certificate=about.der, issuer=site.ca.der, now=now).status


@pytest.mark.parametrize("is_delegated", [False, True], ids=["authority", "delegated"])
@pytest.mark.parametrize("by_key", [False, True], ids=["by name", "by key"])
def test_what_the_authority_says(site: Site, is_delegated: bool, by_key: bool) -> None:
    """CR-05, RFC 6960 section 2.2, without a nonce; signed by itself, or by whom it appointed (id-kp-OCSPSigning)."""
    signer = site.responder if is_delegated else None
    options = (*LASTS, *(("-resp_key_id",) if by_key else ()))
    assert read(site, site.ask(site.good, *options, signer=signer), site.good) is Status.GOOD
    assert read(site, site.ask(site.revoked, *options, signer=signer), site.revoked) is Status.REVOKED


def test_one_that_it_never_issued_is_unknown(site: Site) -> None:
    """CR-05: of the same key and name, so that the authority is ours; the serial number is not in its book."""
    never = OpensslCa(site.ca.folder.parent / "forgotten").create()
    for name in ("ca.pem", "ca.key"):
        (never.folder / name).write_bytes((site.ca.folder / name).read_bytes())
    (never.folder / "serial").write_text("7777\n")
    one = never.issue("never")
    assert read(site, site.ask(one), one) is Status.UNKNOWN


@dataclass(frozen=True)
class Bad:
    """about: whose answer. told: to whom it is held up."""

    about: str = "good"
    told: str = "good"
    options: tuple[str, ...] = LASTS
    signer: str = ""
    later: timedelta = timedelta(0)
    reason: str = ""


BAD: Final = {
    "another serial": Bad(told="revoked", reason="about another certificate"),
    "not appointed": Bad(signer="no_responder", reason="without OCSPSigning"),
    "a recipient signs": Bad(signer="good", reason="without OCSPSigning"),
    "a stranger's responder": Bad(signer="foreign", reason="not appointed by the certificate's issuer"),
    "false signature": Bad(options=(*LASTS, "-badsig"), reason="signature is false"),
    "weak hash": Bad(options=(*LASTS, "-rmd", "sha1"), reason="weak signature"),
    "without the responder's certificate": Bad(
        options=(*LASTS, "-resp_no_certs"), signer="responder", reason="not signed by the certificate's issuer"
    ),
    "stale": Bad(later=2 * HOUR, reason="out of date"),
    "too old whatever it says": Bad(options=("-ndays", "365"), later=timedelta(days=11), reason="out of date"),
    "without an end and a day old": Bad(options=("-rmd", "sha256"), later=25 * HOUR, reason="out of date"),
    "of the future": Bad(later=-HOUR, reason="of the future"),
    "its responder has expired": Bad(
        options=("-ndays", "400"), signer="responder", later=timedelta(days=40), reason="certificate is out of date"
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_does_not_count(site: Site, name: str) -> None:
    """CR-05, RFC 6960 section 3.2: it says neither good nor revoked."""
    bad = BAD[name]
    about, told = getattr(site, bad.about), getattr(site, bad.told)
    data = site.ask(about, *bad.options, signer=getattr(site, bad.signer) if bad.signer else None)
    with pytest.raises(NoAnswer, match=bad.reason):
        read(site, data, told, later=bad.later)


@pytest.mark.parametrize(("begins", "ends"), [(HOUR, 2 * HOUR), (-2 * HOUR, -HOUR), (-30 * HOUR, None)])
def test_the_window_is_that_of_the_certificate(begins: timedelta, ends: timedelta | None) -> None:
    """RFC 6960 section 3.2, numbers 5 and 6: though the answer as a whole was made right now."""
    root, now = Authority(number=311), datetime.now(UTC).replace(microsecond=0)
    leaf, issuer = (x509.load_der_x509_certificate(one) for one in (root.issue(make_key("p256")), root.der))

    def answer(begins: timedelta, ends: timedelta | None) -> bytes:
        builder = library.OCSPResponseBuilder().add_response(
            cert=leaf, issuer=issuer, algorithm=hashes.SHA256(), cert_status=library.OCSPCertStatus.GOOD,
            this_update=now + begins, next_update=None if ends is None else now + ends, revocation_time=None,
            revocation_reason=None,
        ).responder_id(library.OCSPResponderEncoding.HASH, issuer)  # fmt: skip
        return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def status(data: bytes) -> Status:
        certificate, above = leaf.public_bytes(Encoding.DER), issuer.public_bytes(Encoding.DER)
        return read_answer(data, certificate=certificate, issuer=above, now=datetime.now(UTC)).status

    assert status(answer(-HOUR, HOUR)) is Status.GOOD  # also with a CertID by SHA-256
    with pytest.raises(NoAnswer, match=r"of the future|out of date"):
        status(answer(begins, ends))


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        ("rsa1024", (), "at least 2048 are needed"),
        ("p256", (STRANGE,), "critical extension that we do not know"),
        ("p256", (), ""),
    ],
    ids=["short key", "strange", "good"],
)
def test_whom_the_authority_may_appoint(kind: str, more: tuple[x509.ExtensionType, ...], reason: str) -> None:
    """RFC 6960 section 4.2.2.2, RFC 5280 section 4.2: a key that can be broken forges GOOD for all its authority's."""
    root, now, key = Authority(number=312), datetime.now(UTC).replace(microsecond=0), make_key(kind)
    appointed = x509.load_der_x509_certificate(root.issue(key, extensions=(FOR_OCSP, *more)))
    leaf, issuer = (x509.load_der_x509_certificate(one) for one in (root.issue(make_key("p256")), root.der))
    builder = library.OCSPResponseBuilder().certificates([appointed]).add_response(
        cert=leaf, issuer=issuer, algorithm=hashes.SHA1(), cert_status=library.OCSPCertStatus.GOOD,  # noqa: S303
        this_update=now, next_update=now + HOUR, revocation_time=None, revocation_reason=None,
    ).responder_id(library.OCSPResponderEncoding.HASH, appointed)  # fmt: skip
    data = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    certificate = leaf.public_bytes(Encoding.DER)
    if not reason:
        assert read_answer(data, certificate=certificate, issuer=root.der, now=now).status is Status.GOOD
        return
    with pytest.raises(NoAnswer, match=reason):
        read_answer(data, certificate=certificate, issuer=root.der, now=now)


def test_the_same_answers_count_while_they_are_fresh(site: Site) -> None:
    """The rows above fail for their reason, not for another."""
    assert read(site, site.ask(site.good, "-ndays", "365"), site.good, later=timedelta(days=9)) is Status.GOOD
    assert read(site, site.ask(site.good, "-rmd", "sha256"), site.good, later=23 * HOUR) is Status.GOOD
    delegated = site.ask(site.good, "-ndays", "400", signer=site.responder)
    assert read(site, delegated, site.good, later=timedelta(days=9)) is Status.GOOD


def test_another_authority_of_the_same_name(site: Site) -> None:
    """The serial number of a stranger's certificate may be that of ours; its answer is about his."""
    question = request_for(site.good.der, site.ca.der)
    data = site.stranger.answer(question, *LASTS)
    with pytest.raises(NoAnswer):
        read(site, data, site.good)


def test_a_refusal_and_nonsense(site: Site) -> None:
    """RFC 6960 section 2.3: tryLater and its like are no answers; nor is what is no OCSP, cut off, or too large."""
    whole = site.ask(site.good)
    refusal = library.OCSPResponseBuilder.build_unsuccessful(library.OCSPResponseStatus.TRY_LATER)
    for data in (refusal.public_bytes(Encoding.DER), b"", b"\x30\x00", whole[:-3], whole + b"x", b"\x30" * MAX_OCTETS):
        with pytest.raises(NoAnswer):
            read(site, data, site.good)
    with pytest.raises(NoAnswer, match="too large"):
        read(site, whole + bytes(MAX_OCTETS), site.good)


def test_no_bit_of_an_answer_can_be_changed(site: Site) -> None:
    """Whatever is flipped, the answer never says GOOD of a certificate that was revoked."""
    data = site.ask(site.revoked)
    for at in range(0, len(data), 3):
        flipped = data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]
        try:
            assert read(site, flipped, site.revoked) is Status.REVOKED
        except NoAnswer:
            continue


def test_where_it_is_asked(site: Site) -> None:
    """RFC 5280 section 4.2.2.1; without a word of the issuer nobody is asked."""
    assert responders(site.good.der) == (WebPlace(host="ocsp.ca.example", port=80, target="/", is_tls=False),)
    assert responders(site.silent.der) == ()


def naming(*urls: str) -> bytes:
    """A certificate that names these responders."""
    places = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)) for url in urls
    ]
    return Authority(number=310).issue(make_key("p256"), extensions=(x509.AuthorityInformationAccess(places),))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://CA.example:8080/a/b?c=d", WebPlace(host="ca.example", port=8080, target="/a/b?c=d", is_tls=False)),
        ("https://ca.example", WebPlace(host="ca.example", port=443, target="/")),
        ("http://ca.example:25/", None),
        ("http://ca.example:22/", None),
        ("ldap://ca.example/", None),
        ("file:///etc/passwd", None),
        ("http://user:pass@ca.example/", None),
        ("http:///x", None),
        ("http://ca.example:99999/", None),
        ("http://ca.example/a b", None),
    ],
)
def test_a_certificate_does_not_make_us_talk_to_other_services(url: str, place: WebPlace | None) -> None:
    """The address is a stranger's word: web ports and those above 1023, no other schemes, no blanks, no passwords."""
    assert responders(naming(url)) == (() if place is None else (place,))


def test_a_huge_list_of_places_is_cut() -> None:
    assert len(responders(naming(*(f"http://h{number}.example/" for number in range(50))))) == 2
