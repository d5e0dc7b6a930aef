"""Places and disguises in which a reader's program shows a patient's data: each is read, or protected as unreadable.

The rows came out of an attack on the classifier; a row that fails is mail that leaves in clear.
"""

import base64
from collections.abc import Callable

import pytest

from policy.phi.classify import classify_message
from tests.policy.phi.messages import attachment, mail, multipart, pdf, text_part

S = "Patient: Maria Delgado, MRN 00448812, was diagnosed with breast cancer and takes tamoxifen 20 mg."
N = "Maria Delgado was diagnosed with HIV and started on Biktarvy 50 mg."
HTML = "text/html; charset=utf-8"
REFERENCES = "".join(f"&#{ord(character)};" for character in S)
ENCODED = base64.encodebytes(S.encode()).decode().replace("\n", "\r\n")
BASE64 = "Content-Transfer-Encoding: base64\r\n"
QP = "Content-Transfer-Encoding: quoted-printable\r\n"
PICTURE = "data:image/png;base64," + "iVBORw0KGgo=" * 20
ZIP = b"PK\x03\x04xxxxxxxxPK\x05\x06" + bytes(18)


def _encoded(text: bytes, content_type: str) -> bytes:
    return mail(base64.encodebytes(text).decode(), content_type=content_type, extra=BASE64)


def _attached(data: bytes, kind: str, name: str) -> bytes:
    return multipart([text_part("hi"), attachment(data, kind=kind, name=name)])


def _words(cut: int) -> str:
    whole = base64.b64encode(S.encode()).decode()
    return f"=?utf-8?b?{whole[:cut]}?=\r\n =?utf-8?b?{whole[cut:]}?="


def _wide(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if character.isalnum() else character for character in text)


@pytest.mark.parametrize(
    "markup",
    [
        f"<p>{REFERENCES}</p>",
        f"<p>{'<b></b>'.join(S)}</p>",
        f"<p>{'<!--x-->'.join(S)}</p>",
        f"<p>{'<i style=display:none>xq</i>'.join(S)}</p>",
        f"<p>{'<i style=font-size:0px>xq</i>'.join(S)}</p>",
        f"<p>{'<i hidden>xq</i>'.join(S)}</p>",
        f"<style>.z{{display:none}}</style><p>{'<i class=z>xq</i>'.join(S)}</p>",
        f"<bdo dir=rtl>{S[::-1]}</bdo>",
        f"<p style='direction:rtl;unicode-bidi:bidi-override'>{S[::-1]}</p>",
        f"<p>hi</p><!--[if mso]><p>{REFERENCES}</p><![endif]-->",
        f"<p>hi</p><!--[if mso]><p>{'<b></b>'.join(S)}</p><![endif]-->",
        f"<style>p:before{{content:'{S}'}}</style><p></p>",
        "<style>p:before{content:'" + "".join(f"\\{ord(character):x} " for character in S) + "'}</style><p></p>",
        f"<img src='{PICTURE}'>",
        f'<div style="background:url({PICTURE})">hi</div>',
        f"<style>p{{background:url({PICTURE})}}</style>",
        f"<svg><image xlink:href='{PICTURE}'/></svg>",
        f"<a href='data:text/html;base64,{base64.b64encode(REFERENCES.encode()).decode()}'>x</a>",
        f"<p aria-description='{S}'>x</p>",
        f"<p data-note='{S}'>x</p>",
        f"<a href='mailto:a@b.example?body={S.replace(' ', '%20')}'>x</a>",
        f"<iframe srcdoc='<p>{REFERENCES}</p>'></iframe>",
        f"<!--ClinicalDocument--><p>{REFERENCES}</p>",
        f"MSH|<p>{REFERENCES}</p>",
        f"<table><tr>{''.join(f'<td>{letter}</td>' for letter in S)}</tr></table>",
        f"<p style='float:left'>{'</p><p>'.join(S)}</p>",
        "<table><tr><td>MRN</td><td>00448812</td></tr><tr><td>Dx</td><td>breast cancer</td></tr></table>",
        "<table><tr><td>SSN</td><td>412</td><td>55</td><td>7812</td></tr><tr><td>breast cancer</td></tr></table>",
    ],
)
def test_pages(markup: str) -> None:
    """MP-10, MP-14: what a page shows, in Outlook too, and what it hides."""
    assert classify_message(mail(markup, content_type=HTML)).protected


@pytest.mark.parametrize(
    "disguise",
    [
        "\u202e{}".format,
        "\u200b".join,
        "\u0336".join,
        "\ufff9".join,
        "\ufffc".join,
        lambda text: text.replace(" ", "\u2800"),
        lambda text: text.translate(str.maketrans("aeopcyxi", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456")),
        lambda text: text.translate(str.maketrans("aotvpuk", "\u03b1\u03bf\u03c4\u03bd\u03c1\u03c5\u03ba")),
        lambda text: text.translate(str.maketrans("ohnu", "\u0585\u0570\u0578\u057d")),
        lambda text: text.translate(str.maketrans("aeiorstd", "\u1d00\u1d07\u026a\u1d0f\u0280\ua731\u1d1b\u1d05")),
        lambda text: text.replace("i", "\u0131").replace("g", "\u0261").replace("a", "\u0251"),
        lambda text: "".join(
            chr(0x1F170 + ord(character) - 65) if "A" <= character <= "Z" else character for character in text.upper()
        ),
        lambda text: text.upper().translate(
            str.maketrans("ADRSPMHW", "\u13aa\u13a0\u13d2\u13da\u13e2\u13b7\u13bb\u13b3")
        ),
    ],
)
def test_disguises(disguise: Callable[[str], str]) -> None:
    """MP-13: invisible characters, marks drawn over letters, look-alikes, text written backwards."""
    assert classify_message(mail(disguise(S))).protected


@pytest.mark.parametrize("charset", ["cp500", "cp1026", "cp875", "cp273", "cp1140", "cp037", "utf-7", "hz", "utf-16"])
def test_a_charset_that_few_programs_know_is_read_as_ascii_too(charset: str) -> None:
    """MP-09: a program that does not know the name shows the bytes."""
    assert classify_message(mail(S, content_type=f"text/plain; charset={charset}")).protected


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_encoded(S.encode("cp037"), "text/plain; charset=utf-8; charset=cp037"), "two charsets"),
        (_encoded(_wide(S).encode(), "text/plain; charset=iso-8859-1"), "UTF-8 that says Latin-1"),
        (_encoded(_wide(S).encode("iso-2022-jp"), "text/plain"), "ISO 2022 without a label"),
        (mail("=".join(S), extra=QP), "signs that start no escape"),
        (mail(S.replace(",", "").replace(".", "").replace(":", ""), extra=BASE64), "words that look like base64"),
    ],
)
def test_decodings(data: bytes, why: str) -> None:
    """MP-02, MP-03, MP-04, MP-09: every reading that a program may choose."""
    assert classify_message(data).protected, why


@pytest.mark.parametrize(
    "name", ["Comments", "Keywords", "X-Note", "List-Help", "Content-Description", "X-Patient", "Organization"]
)
def test_header_fields(name: str) -> None:
    """MP-11: people write in more fields than the Subject, in the message and in its parts."""
    assert classify_message(mail("hi", extra=f"{name}: {S}\r\n")).phi
    assert classify_message(multipart([f"Content-Type: text/plain\r\n{name}: {S}\r\n\r\nhi"])).phi


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mail("hi").replace(b"Bo Stone", b'"' + S.replace(",", " ").encode() + b'"'), "a display name"),
        (_attached(b"hi", "text/plain", "Delgado_Maria_HIV_result.txt"), "a file name"),
        (
            multipart(
                [f'Content-Type: text/plain\r\nContent-Disposition: inline; filename=a; filename="{S}"\r\n\r\nhi']
            ),
            "a second file name",
        ),
        (
            multipart(
                ["Content-Type: text/rfc822-headers\r\n\r\n" + f"Subject: =?utf-8?q?{S.replace(' ', '_')}?=\r\n"]
            ),
            "the header of a returned message",
        ),
        (
            multipart(
                [f"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\nDiagnostic-Code: smtp; {S}"]
            ),
            "a delivery status",
        ),
    ],
)
def test_names_and_nested_headers(data: bytes, why: str) -> None:
    """MP-08, MP-11: names in headers, and headers inside the body."""
    assert classify_message(data).protected, why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (multipart([text_part(f"hi\r\n--b1junk\r\n{BASE64}\r\n{ENCODED}")]), "a boundary with junk"),
        (multipart([text_part("hi")], epilogue=f"--b1\r\n{BASE64}\r\n{ENCODED}\r\n--b1--"), "a part after the end"),
        (multipart([text_part("hi")], preamble=f"--b1 \x0b\r\n{BASE64}\r\n{ENCODED}\r\n"), "a part before the start"),
        (multipart([text_part("hi")], epilogue="begin 644 a.txt\r\n#0V%T\r\n`\r\nend"), "uuencode in the epilogue"),
        (mail("begin  644 a.txt\r\n#0V%T\r\n`\r\nend"), "uuencode with two blanks"),
        (
            multipart(
                [f"Content-Type: multipart/mixed; boundary*0=q; boundary=w\r\n\r\n--w\r\n\r\nhi\r\n--q\r\n{BASE64}"]
            ),
            "a nested boundary in two ways",
        ),
        (
            multipart([f"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n{BASE64}\r\n{ENCODED}"]),
            "a boundary declared twice",
        ),
        (multipart(["Content-Type: multipart/mixed; boundary=b1x\r\n\r\n--b1x\r\n\r\nhi\r\n--b1x--"]), "a longer one"),
        (_attached(mail(ENCODED, extra=BASE64), "application/octet-stream", "visit.eml"), "a message by its name"),
        (_attached(mail(ENCODED, extra=BASE64), "text/plain", "a.txt"), "the source of a message"),
    ],
)
def test_structure(data: bytes, why: str) -> None:
    """MP-05, MP-06, MP-08, MP-12: parts that only some parsers see."""
    assert classify_message(data).protected, why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_attached(S.encode(), "application/pgp-signature", "a.txt"), "text that says it is a signature"),
        (_attached(S.encode(), "application/pkcs7-signature", "a.txt"), "text that says it is a CMS signature"),
        (
            _attached(
                b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0", "application/pkcs7-signature", "s.p7s"
            ),
            "a signature with content",
        ),
        (_attached(b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----", "text/plain", "smime.p7m"), "armoured CMS"),
        (_attached(f"<p>{REFERENCES}</p>".encode(), "text/plain", "a.html"), "a page by its name"),
        (_attached(f"<!--{'x' * 3000}--><i>{REFERENCES}</i>".encode(), "application/octet-stream", "a"), "a late tag"),
        (_attached(f"<?xml version='1.0'?><a>{REFERENCES}</a>".encode(), "application/xml", "a.xml"), "references"),
        (_attached(f"<?xml version='1.0'?><a><![CDATA[{S}]]></a>".encode(), "application/xml", "a.xml"), "CDATA"),
        (_attached(f"<?xml version='1.0'?><a><!-- {S} --></a>".encode(), "application/xml", "a.xml"), "a comment"),
        (_attached(f"<?xml version='1.0'?><a note='{S}'/>".encode(), "application/xml", "a.xml"), "an attribute"),
        (_attached("".join(f"\\u{ord(c):04x}" for c in S).encode(), "application/json", "a.json"), "JSON escapes"),
        (mail("<bold></bold>".join(S), content_type="text/enriched"), "enriched text"),
        (mail(f"<html><body>{REFERENCES}"), "a page in plain text"),
        (mail(f"<p>{REFERENCES}</p>", content_type="text/html; name=a.csv"), "a page that is named as a table"),
        (_attached(f"<svg><text>{REFERENCES}</text></svg>".encode(), "text/plain", "a.svg"), "a drawing"),
        (_attached(f"<svg><image href='{PICTURE}'/></svg>".encode(), "text/xml", "a.xml"), "a picture in XML"),
        (_attached(b"hello {\\rtf1 }", "application/rtf", "a.rtf"), "rich text that begins otherwise"),
        (mail(f"{S}\r\n{pdf([['hello']]).decode('latin-1')}"), "text that is a PDF as well"),
        (_attached(b"hello\n" * 900 + ZIP, "text/plain", "a.docx"), "a ZIP behind text"),
        (_attached(pdf([["hello"]]) + ZIP, "application/pdf", "a.pdf"), "a PDF that is a ZIP as well"),
        (mail(f"MSH|\r\n{S}"), "no HL7"),
        (mail(f"ISA*\r\n{S}"), "no X12"),
        (mail(f"BEGIN:VCALENDAR\r\n{S}"), "no calendar"),
        (mail(f"BEGIN:VCALENDAR\r\nX-NOTE:{S}", content_type="text/calendar"), "a calendar's private property"),
        (mail(f"BEGIN:VCARD\r\nNOTE;ENCODING=QUOTED-PRINTABLE:=4D{S}", content_type="text/vcard"), "an encoded note"),
        (mail(f'{{"resourceType":"Device","name":"{S}"}}'), "no FHIR"),
        (mail(f'{{"resourceType":"Patient","{S}":"http:x"}}'), "a key"),
        (
            _attached(b"last_name,first_name,patient_id,dx_code\nDelgado,Maria,00448812,C50.911\n", "text/csv", "a"),
            "CSV",
        ),
    ],
)
def test_parts_that_are_something_else(data: bytes, why: str) -> None:
    """AB-03, MP-12, MP-18: a type or a first word decides nothing; every form that a program may open is read."""
    assert classify_message(data).protected, why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mail("6789 thanks, breast cancer stage 2", subject="SSN 412-55-"), "subject and body"),
        (multipart([text_part("Patient MRN"), text_part("00448812 has breast cancer")]), "two parts"),
        (mail("breast cancer, SSN 412-55-\r\n7812"), "two lines"),
        (mail("breast cancer, MRN\r\n00448812"), "a label and its value"),
        (mail("hi", subject=_words(41)), "an encoded word"),
        (
            mail(
                "Patient: Mar \r\nia Delg \r\nado, M \r\nRN 0044 \r\n8812, has breast canc \r\ner.",
                content_type="text/plain; format=flowed; delsp=yes",
            ),
            "flowed lines",
        ),
        (mail("\r\n" * 600 + S), "behind a kilobyte of blank lines"),
        (mail("Lorem ipsum Dolor sit. " * 15_000 + f"\r\n\r\n{N}"), "behind twenty thousand capitals"),
    ],
)
def test_what_is_cut_apart_or_far_away(data: bytes, why: str) -> None:
    """MP-14, MP-15: identifiers across edges, and detectors that stop counting."""
    assert classify_message(data).phi, why


@pytest.mark.parametrize(
    "body",
    [
        "Thanks!\r\nMaria Delgado was diagnosed with HIV.\r\nShe starts Biktarvy today.",
        "Hi\r\n--\r\nMaria Delgado, HIV positive,\r\nviral load 20000",
        f"CONFIDENTIAL and privileged: {N} Disclosure is limited.",
        f"FYI\r\n\r\nFrom: Ann Weaver\r\nSent: Monday\r\nSubject: {N}\r\n\r\nSee above.",
        "Hi Maria, your colonoscopy is scheduled for Monday at 9:15 am with Dr. Lowe.\r\n\r\nUnsubscribe | Newsletter",
    ],
)
def test_matter_that_looks_like_trimmings(body: str) -> None:
    """A greeting, a divider, the word "confidential", a quoted header or an unsubscribe link make nothing harmless."""
    assert classify_message(mail(body)).phi
