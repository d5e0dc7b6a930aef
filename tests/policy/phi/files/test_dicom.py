"""DICOM: all four ways of writing elements say the same, pictures and what is no text are told."""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

import pytest

from policy.phi.classify import classify_message
from policy.phi.files.found import TOO_MUCH, Budget
from tests.policy.phi.files.make import NUMBER, read, reasons, words, zipped
from tests.policy.phi.messages import attachment, multipart, pdf, text_part

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG: Final = "1.2.840.10008.1.2.2"
JPEG: Final = "1.2.840.10008.1.2.4.50"
_LONG: Final = ("OB", "OW", "SQ", "UN", "UT", "UC", "UR")
IMAGE: Final = "attachment type not readable yet (an image)"
VALUES: Final = "attachment type not readable yet (values of a picture)"
DAMAGED: Final = "the picture's header is damaged"
UNDEFINED: Final = 0xFFFFFFFF


def element(tag: int, kind: str, value: bytes, syntax: str = EXPLICIT, *, length: int = -1) -> bytes:
    """Return one element. length: what it claims, if that is not what it has."""
    order = ">" if syntax == BIG else "<"
    value += b" " * (len(value) % 2)
    size = len(value) if length < 0 else length
    head = struct.pack(f"{order}2H", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT or tag >> 16 == 0xFFFE:
        return head + struct.pack(f"{order}L", size) + value
    if kind in _LONG:
        return head + kind.encode() + struct.pack(f"{order}HL", 0, size) + value
    return head + kind.encode() + struct.pack(f"{order}H", size) + value


def dicom(elements: Sequence[tuple[int, str, bytes]], syntax: str = EXPLICIT, *, more: bytes = b"") -> bytes:
    """Return a file. more: elements as they stand, behind the others."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = element(0x00020000, "UL", struct.pack("<L", 0)) + element(0x00020001, "OB", b"\0\1")
    meta += element(0x00020010, "UI", uid)
    body = b"".join(element(*each, syntax) for each in elements) + more
    if syntax == DEFLATED:
        body = zlib.compress(body, wbits=-15)
    return bytes(128) + b"DICM" + meta + body


PATIENT: Final = (
    (0x00080020, "DA", b"20240506"),
    (0x00080060, "CS", b"CT"),
    (0x00081030, "LO", b"CT abdomen, known colon cancer"),
    (0x00100010, "PN", b"Lee^Ann^M^Dr."),
    (0x00100020, "LO", b"00448812"),
    (0x00100030, "DA", b"19810314"),
    (0x00280010, "US", struct.pack("<H", 16)),
)
PIXELS: Final = (0x7FE00010, "OW", b"\0\1" * 200)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG])
def test_what_the_header_says(syntax: str) -> None:
    """MP-14, AB-03: the same lines from every transfer syntax, under any name; no pixels, nothing to tell."""
    found = read(dicom(PATIENT, syntax), name="image/png", file_name="a.txt")
    assert words(found).split("\n") == [
        "Date of study: 2024-05-06",
        "CT",
        "Imaging study: CT abdomen, known colon cancer",
        "Patient name: Dr. Ann M Lee",
        "MRN: 00448812",
        "DOB: 1981-03-14",
    ]
    assert reasons(found) == []


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("is_open", [True, False], ids=["to a mark", "by length"])
def test_sequences_are_walked_into(syntax: str, *, is_open: bool) -> None:
    """MP-14: an element in an item of a sequence in an item is read, however its end is told."""
    inner = element(0x0040A160, "UT", f"SSN {NUMBER}".encode(), syntax)
    for _ in range(3):
        if is_open:
            item = element(0xFFFEE000, "", inner, syntax, length=UNDEFINED) + element(0xFFFEE00D, "", b"", syntax)
            inner = element(0x0040A730, "SQ", item, syntax, length=UNDEFINED) + element(0xFFFEE0DD, "", b"", syntax)
        else:
            inner = element(0x0040A730, "SQ", element(0xFFFEE000, "", inner, syntax), syntax)
    found = read(dicom(PATIENT, syntax, more=inner + element(0x00400254, "LO", b"biopsy", syntax)))
    assert f"Report: SSN {NUMBER}" in words(found).split("\n")
    assert "Procedure: biopsy" in words(found).split("\n")
    assert reasons(found) == []


@pytest.mark.parametrize(
    ("charset", "raw", "line"),
    [
        ("", b"M\xfcller^J\xfcrgen", "Patient name: Jürgen Müller"),
        ("ISO_IR 100", b"M\xfcller^J\xfcrgen", "Patient name: Jürgen Müller"),
        ("ISO_IR 192", "Müller^Jürgen".encode(), "Patient name: Jürgen Müller"),
        ("ISO_IR 144", "Иванов^Иван".encode("iso8859_5"), "Patient name: Иван Иванов"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Patient name: Tarou Yamada; 太郎 山田",
        ),
    ],
)
def test_charsets(charset: str, raw: bytes, line: str) -> None:
    """MP-09: the specific character set of PS3.3 C.12.1.1.2; escapes of ISO 2022 by themselves."""
    found = read(dicom([(0x00080005, "CS", charset.encode()), (0x00100010, "PN", raw)]))
    assert line in words(found).split("\n")


def test_a_subject_of_a_study() -> None:
    """PS3.3 C.7.1.1: with the identity removed, a number is no record number; a name that stayed is still a name."""
    found = read(dicom([*PATIENT, (0x00120062, "CS", b"YES")]))
    assert "Subject: 00448812" in words(found)
    assert "Patient name: Dr. Ann M Lee" in words(found)


def test_a_document_inside_is_read() -> None:
    """AB-03: an encapsulated PDF is read like an attachment."""
    found = read(dicom([*PATIENT, (0x00420011, "OB", pdf([[f"SSN {NUMBER}"]]))]))
    assert NUMBER in words(found)
    assert reasons(found) == []


def test_private_elements_are_read() -> None:
    """MP-14: what a maker keeps in elements of its own is text all the same."""
    for syntax in (IMPLICIT, EXPLICIT):
        assert NUMBER in words(read(dicom([(0x00091010, "UN", f"SSN {NUMBER}".encode())], syntax)))


_PIECES: Final = (
    element(0x7FE00010, "OB", b"", length=UNDEFINED)
    + element(0xFFFEE000, "", b"")
    + element(0xFFFEE000, "", b"\xff\xd8\xff\xe0" * 8)
    + element(0xFFFEE0DD, "", b"")
)
_BEHIND: Final = element(0x00100010, "PN", b"Lee^Ann")
_TALL: Final = dicom([(0x00100010, "PN", b"Lee^Ann")] * 3_000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dicom([*PATIENT, PIXELS]), IMAGE),
        (dicom([*PATIENT, PIXELS], IMPLICIT), IMAGE),
        (dicom([*PATIENT, PIXELS], DEFLATED), IMAGE),
        (dicom([(0x00280301, "CS", b"NO"), (0x00100010, "PN", b"Lee^Ann"), PIXELS]), IMAGE),
        (dicom([], JPEG, more=_PIECES + _BEHIND), IMAGE),
        (dicom([*PATIENT, (0x60003000, "OW", b"\0\1" * 200)]), IMAGE),
        (dicom([*PATIENT, (0x00291010, "OB", b"\0\1" * 200)]), VALUES),
        (b"II*\0" + dicom(PATIENT)[4:], "something stands before the header of a picture"),
        (dicom(PATIENT, more=element(0x00104000, "LT", b"x", length=900)), DAMAGED),
        (dicom(PATIENT, more=b"\x10\0"), DAMAGED),
        (dicom(PATIENT, more=b"\x10\0\x00\x40" + bytes(20)), DAMAGED),
        (dicom(PATIENT, DEFLATED)[:-4], DAMAGED),
        (dicom(PATIENT) + zipped({"a.txt": "x"}), "an archive stands behind something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_is_not_read_is_told(data: bytes, reason: str) -> None:
    """AB-02, AB-03, AB-08, MP-15: pixels, whatever the header says of them, and what is damaged; text stays read."""
    found = read(data)
    assert reason in reasons(found)
    assert "Ann" in words(found) or reason == DAMAGED


def test_it_ends_early() -> None:
    """AB-01: elements and octets are those of the whole message; a claim of length is never believed."""
    found = read(_TALL, budget=Budget(characters=100_000, elements=100))
    assert reasons(found) == ["the document is more than is looked at"]
    assert words(found).count("Patient name") <= 100
    bomb = dicom([(0x00104000, "UT", b" " * 3_000_000)], DEFLATED)
    assert reasons(read(bomb, budget=Budget(characters=100_000, octets=1_000_000))) == [TOO_MUCH]
    long = dicom([(0x00104000, "UT", b"a" * 3_000)])
    assert reasons(read(long, budget=Budget(characters=1_000))) == [TOO_MUCH]
    nested = element(0xFFFEE000, "", b"", length=UNDEFINED) * 100_000
    assert reasons(read(dicom([], more=nested), budget=Budget(characters=1_000, elements=50_000)))


def test_every_cut_is_told() -> None:
    """MP-15: a header that ends in the middle of an element is damaged, never clean; what came before is read."""
    whole = dicom(PATIENT)
    edges = set()
    at = len(dicom([]))
    for each in PATIENT:
        edges.add(at)
        at += len(element(*each))
    for cut in range(len(dicom([])), len(whole)):
        found = read(whole[:cut])
        assert reasons(found) == ([] if cut in edges else [DAMAGED])


def test_a_message_with_a_picture_of_a_patient() -> None:
    """AB-03, MP-14: the header makes it PHI; the pixels protect what the header leaves open."""
    letter = [text_part("see file"), attachment(dicom([*PATIENT, PIXELS]), kind="application/octet-stream")]
    assert classify_message(multipart(letter)).phi
    test = dicom([(0x00100010, "PN", b"PHANTOM"), (0x00081030, "LO", b"DAILY QA"), PIXELS])
    report = classify_message(multipart([text_part("see file"), attachment(test, kind="application/dicom")]))
    assert not report.phi
    assert report.protected
