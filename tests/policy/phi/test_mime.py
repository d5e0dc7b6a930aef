"""Readings of MIME: hiding places are read, ambiguity is protected (MP-01, MP-06, MP-08, MP-11, MP-12, MP-18)."""

import base64

import pytest

from policy.phi.classify import classify_message
from policy.phi.report import Kind
from tests.policy.phi.messages import PHI_SENTENCE, attachment, mail, multipart, pdf, text_part

ENCODED = base64.b64encode(PHI_SENTENCE.encode()).decode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mail("hi", extra="Content-Type: text/html\r\n"), "two content types"),
        (
            mail(ENCODED, extra="Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n"),
            "two encodings",
        ),
        (mail("hi", extra="Content-Transfer-Encoding: x-rot13\r\n"), "an unknown encoding"),
        (mail("hi", content_type="text/plain; charset=klingon"), "an unknown charset"),
        (mail("hi", content_type="multipart/mixed"), "no boundary"),
        (mail("hi", content_type="message/partial; id=a; number=1"), "a fragment"),
        (mail("hi", content_type="message/external-body; access-type=URL"), "content elsewhere"),
        (mail("begin 644 a.txt\r\n#0V%T\r\n`\r\nend"), "uuencode"),
        (mail("=ybegin line=128 size=3 name=a\r\nabc\r\n=yend size=3"), "yEnc"),
        (mail("(This file must be converted with BinHex 4.0)\r\n:abc:"), "BinHex"),
        (multipart([text_part("a"), attachment(b"\x78\x9f\x3e\x22abc", kind="application/ms-tnef")]), "TNEF"),
        (
            multipart([text_part("a"), attachment(b"PK\x03\x04abc", kind="text/plain", name="a.txt")]),
            "a ZIP that says text",
        ),
        (multipart([text_part("a"), attachment(b"\xff\xd8\xff\xe0", kind="image/jpeg", name="a.jpg")]), "an image"),
        (multipart([text_part("a"), attachment(pdf([[]]), kind="application/pdf")]), "a PDF without text"),
        (multipart([text_part("a"), attachment(b"%PDF-1.4 broken", kind="application/pdf")]), "a broken PDF"),
        (
            multipart(
                [
                    'Content-Type: text/plain; name="a.txt"\r\nContent-Disposition: attachment; filename=b.txt\r\n\r\n',
                ]
            ),
            "two file names",
        ),
    ],
)
def test_what_cannot_be_read_for_sure_is_protected(data: bytes, why: str) -> None:
    """Invariant 5; MP-01, MP-02, MP-08, MP-09, MP-11, MP-12, AB-03."""
    report = classify_message(data)
    assert report.uninspectable, why
    assert report.protected
    assert all(entry.reason for entry in report.uninspectable)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (multipart([text_part("a")], preamble=PHI_SENTENCE), "the preamble"),
        (multipart([text_part("a")], epilogue=PHI_SENTENCE), "the epilogue"),
        (multipart([text_part("a"), text_part(PHI_SENTENCE)]).replace(b"--b1--", b""), "no final boundary"),
        (
            mail(f"{ENCODED}\r\n", extra="Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n"),
            "two encodings",
        ),
        (
            multipart(
                [
                    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                    + base64.encodebytes(mail(PHI_SENTENCE)).decode()
                ]
            ),
            "a base64 message/rfc822",
        ),
        (
            mail(
                base64.encodebytes(b"--b1\r\n\r\n" + PHI_SENTENCE.encode() + b"\r\n--b1--").decode(),
                content_type='multipart/mixed; boundary="b1"',
                extra="Content-Transfer-Encoding: base64\r\n",
            ),
            "a base64 multipart",
        ),
        (
            mail("x", subject="=?utf-8?b?" + base64.b64encode(PHI_SENTENCE.encode()).decode() + "?="),
            "an encoded subject",
        ),
        (
            mail("x", subject="=?utf-8?q?Mr=2E_Delgado=27s_po?=\r\n =?utf-8?q?tassium_is_6=2E1?="),
            "an encoded, folded subject",
        ),
        (
            multipart(
                [
                    (
                        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n"
                        " filename*0*=utf-8''Whitney%20Barlow%20co; filename*1=lonoscopy.txt\r\n\r\nx"
                    )
                ]
            ),
            "a file name in RFC 2231 pieces",
        ),
        (mail(PHI_SENTENCE, content_type="text/plain; charset*0=us; charset*1=-ascii"), "a charset in pieces"),
    ],
)
def test_hiding_places_are_read(data: bytes, why: str) -> None:
    """MP-06, MP-08, MP-11: wherever a program might show it, it is read."""
    report = classify_message(data)
    assert report.phi, (why, report.reasons)


def test_nesting_is_bounded() -> None:
    """MP-08, MP-17: ten levels are read, more than twenty are protected unread."""
    data = mail(PHI_SENTENCE)
    for _ in range(9):
        data = b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n" + data
    assert classify_message(data).phi
    for _ in range(15):
        data = b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n" + data
    assert any("deep" in entry.reason for entry in classify_message(data).uninspectable)


def test_parts_are_numbered_as_imap_does() -> None:
    """RFC 9051 section 6.4.5: the second part of the first part is 1.2."""
    inner = 'Content-Type: multipart/mixed; boundary="in"\r\n\r\n--in\r\n\r\na\r\n--in\r\n\r\nSSN 412-55-7812\r\n--in--'
    report = classify_message(multipart([inner, text_part("c")]))
    assert [finding.place.part for finding in report.findings if finding.kind is Kind.SSN] == ["1.2"]


def test_signed_mail_is_known_and_its_signature_is_no_attachment() -> None:
    """MP-18: multipart/signed is never edited inside, and is read like any other mail."""
    data = multipart([text_part(PHI_SENTENCE), "Content-Type: application/pgp-signature\r\n\r\nabc"], subtype="signed")
    report = classify_message(data)
    assert report.signed_by_author
    assert report.phi
    assert not report.uninspectable
    assert report.attachments == 0


@pytest.mark.parametrize(
    ("data", "signed", "encrypted"),
    [
        (
            multipart(
                ["Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", text_part("x")], subtype="encrypted"
            ),
            False,
            True,
        ),
        (mail("abc", content_type="application/pkcs7-mime; smime-type=enveloped-data"), False, True),
        (mail("abc", content_type="application/pkcs7-mime; smime-type=signed-data"), True, False),
        (mail("-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----"), False, True),
    ],
)
def test_ciphertext_is_known_and_protected(data: bytes, signed: bool, encrypted: bool) -> None:
    """MP-18: opaque content is protected as it is."""
    report = classify_message(data)
    assert (report.signed_by_author, report.encrypted) == (signed, encrypted)
    assert report.uninspectable


def test_places_name_kinds_not_files() -> None:
    """Invariant 4: a hostile content type does not reach the report."""
    report = classify_message(mail("x", content_type='text/whitney barlow; name="x"'))
    assert "whitney" not in repr(report).lower()


def test_a_charset_that_is_no_name_at_all() -> None:
    """MP-09, MP-19: Python's parser fails at it when it is asked for a body with octets above 127."""
    report = classify_message(b"From: a@b.example\r\nContent-Type: multipart/mixed; charset=\0\r\n\r\n\x80\r\n")
    assert {"a NUL stands in the header", "the charset is unknown"} <= {entry.reason for entry in report.uninspectable}


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8", "windows-1252"])
def test_eight_bit_bodies_are_read_in_their_own_charset(charset: str) -> None:
    """MP-09: the parser's own idea of the bytes is not used; "Müller" is a name in every charset."""
    head = (
        f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    report = classify_message(head.encode() + "Patient: Jürgen Müller has asthma.".encode(charset))
    assert [finding.masked for finding in report.findings if finding.kind is Kind.NAME] == ["J… M…"]


def test_encoded_messages_in_encoded_messages_are_bounded() -> None:
    """MP-17: each encoded message is parsed again in every view, and the number of parses is limited."""
    data = mail(PHI_SENTENCE)
    for _ in range(12):
        encoded = base64.encodebytes(data)
        data = (
            b"From: a@b.example\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64 (x)\r\n\r\n"
            + encoded
        )
    assert classify_message(data).protected
