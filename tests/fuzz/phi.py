"""What the classifier reads: raw structure, transfer encodings, charsets, markup, and whole messages (MP-19)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.inspect.wire import pack_report, unpack_report
from policy.phi import headers, structure
from policy.phi.classify import classify_message
from policy.phi.containers import FORMATS, container_text
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.custom.patients import build_list, entry
from policy.phi.decode import charset_decode, transfer_decode
from policy.phi.mime import parse
from policy.phi.report import Kind
from policy.phi.subject import remove_tags
from policy.phi.text_html import html_text
from policy.phi.text_xml import xml_text
from tests.fuzz.target import Target, split_choice
from tests.policy.phi.messages import HL7, PHI_SENTENCE, X12_CLAIM, attachment, mail, multipart, text_part

TAGS: Final = ("[secure]",)
NUMBER: Final = "412-55-7812"
ADDED: Final = CustomDetectors(
    Custom(
        mrn_shapes=(r"LK\d{2}[A-Z]\d{3}",),
        programmes=("Blue Door",),
        allow=("Carla Haddad",),
        dictionaries=((Kind.HIV, ("red group",)),),
        patients=build_list([entry("rain cloud")], bytes(32))[0],
        patients_key=bytes(32),
    )
)


def whole(data: bytes) -> None:
    """Every message has a report, the same each time, in range, and our own fault never stands in it (MP-15, MP-19)."""
    report = classify_message(data, subject_tags=TAGS)
    assert 0 <= report.score <= 1
    for read in (report, classify_message(data, custom=ADDED)):
        assert not any("the classifier failed" in part.reason for part in read.uninspectable), read.uninspectable
    assert report.phi or report.score < 1
    assert unpack_report(pack_report(report)) == report, "what it says gets through the wire"
    assert classify_message(data, subject_tags=TAGS) == report


def raw(data: bytes) -> None:
    """The raw scan never fails, and what it lets pass the parser takes with fewer parts and levels than the limits."""
    shape = structure.scan(data)
    assert 0 <= shape.header_length <= len(data)
    assert len(set(shape.limits)) == len(shape.limits)
    if shape.limits:
        return
    parts = list(parse(data).walk())
    assert len(parts) <= 2 * structure.PARTS + structure.MULTIPARTS


def decoding(data: bytes) -> None:
    """Any bytes under any label have a reading, of the strict form exactly one, and none raises (MP-02 to MP-04)."""
    label, _, rest = data.partition(b"\n")
    name, _, charset = label.decode("latin-1").partition("|")
    views, doubt = transfer_decode(rest, tuple(name.split("&")) if name else ())
    assert views
    assert len(views) == len(set(views))
    assert doubt or name.strip(" ").lower() not in {"", "7bit", "8bit", "binary"} or views == (rest,)
    for view in views:
        texts, _ = charset_decode(view, charset)
        assert texts
        assert all(isinstance(text, str) for text in texts)


def markup(data: bytes) -> None:
    """MP-10: whatever markup stands before it, a number behind it is read, or the page is in doubt."""
    text = data.decode("utf-8", "replace")
    page = html_text(f"{text}> {NUMBER}")
    assert NUMBER in page.shown + page.hidden or page.doubts
    assert NUMBER in xml_text(f"{text}> {NUMBER}")


def containers(data: bytes) -> None:
    """Text is one of the formats or is none; reading it never raises, and gives the same each time."""
    text = data.decode("utf-8", "replace")
    found = container_text(text)
    assert found is None or found[0] in FORMATS
    assert container_text(text) == found


def subjects(data: bytes) -> None:
    """ID-10: a Subject is decoded without error, and one whose tags are taken out stays one field."""
    choice, value = split_choice(data)
    headers.decoded(value.decode("utf-8", "surrogateescape"))
    if choice & 1:
        value = b" [secure] " + value.replace(b"\r", b"").replace(b"\n", b"\r\n ")
    made = remove_tags(value, TAGS)
    if made != value:
        assert all(line[:1] in {b" ", b""} for line in made.split(b"\r\n"))
        assert made.isascii()
        assert made.count(b"\r") == made.count(b"\n") == made.count(b"\r\n")


TARGETS: Final[Mapping[str, Target]] = {
    "structure": Target(
        run=raw,
        words=(
            b'boundary="b1"',
            b"--b1\r\n",
            b"--b1--",
            b"Content-Type: multipart/mixed;",
            b"\r\n\r\n",
            b"message/rfc822",
        ),
        seeds=(
            multipart([text_part("a"), text_part("b")]),
            mail("x"),
            multipart(["Content-Type: message/rfc822\r\n\r\n" + mail("y").decode()]),
        ),
    ),
    "decoding": Target(
        run=decoding,
        words=(b"base64", b"quoted-printable", b"|utf-16", b"|utf-7", b"|iso-2022-jp", b"=3D", b"=\r\n", b"\x1b$B"),
        seeds=(
            b"base64|utf-8\nSGVsbG8=",
            b"quoted-printable|latin-1\na=3Db=\r\nc",
            b"7bit&base64|\nSGk",
            b"|utf-16\n\xff\xfeh\0i\0",
        ),
    ),
    "markup": Target(
        run=markup,
        words=(
            b"<!--",
            b"-->",
            b"<![CDATA[",
            b"<style>",
            b"<script>",
            b"<table><tr><td>",
            b"<plaintext>",
            b"<svg>",
            b"&#x3c;",
        ),
        seeds=(
            b"<p>a</p>",
            b"<!--[if mso]><p>x</p><![endif]-->",
            b'<a href="data:text/html;base64,PGI+',
            b"<template><b>",
            b"<table><tr><th>a</th></tr>",
        ),
    ),
    "containers": Target(
        run=containers,
        words=(b"PID|", b"OBX|", b"NM1*", b"~", b'{"resourceType":', b"<ClinicalDocument", b"BEGIN:VCALENDAR\r\n"),
        seeds=(
            HL7.encode(),
            X12_CLAIM.encode(),
            msgspec.json.encode({"resourceType": "Patient", "birthDate": "1981-03-14"}),
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>",
        ),
    ),
    "subjects": Target(
        run=subjects,
        words=(b"[secure]", b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=5B", b"\r\n "),
        seeds=(b"\0 [secure] Lab", b"\x01=?utf-8?q?=5Bsecure=5D_R=C3=A9sultat?=", b"\x01=?utf-8?b?W3NlY3VyZV0=?="),
    ),
    "classify": Target(
        run=whole,
        words=(
            b"Content-Transfer-Encoding: base64\r\n",
            b'boundary="b1"',
            b"--b1\r\n",
            b"charset=utf-16",
            b"\r\n\r\n",
            b"text/html",
        ),
        seeds=(
            mail(PHI_SENTENCE),
            mail(f"<p>{PHI_SENTENCE}", content_type="text/html"),
            mail("[secure]", subject="=?utf-8?q?=5Bsecure=5D?="),
            mail("Carla Haddad, LK12B345, left Blue Door; Rain Cloud joined the red\r\ngroup."),
            multipart([text_part("a"), attachment(HL7.encode(), kind="text/plain")]),
        ),
    ),
}
