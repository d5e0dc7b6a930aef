"""Targets: the readers of files that hold files, and of office documents."""

import gzip
from collections.abc import Mapping
from typing import Final

from policy.phi.extract import extract
from policy.phi.files.found import Budget, Job
from policy.phi.files.masks import masks_of, written
from policy.phi.files.outlook import unpack_rtf
from policy.phi.report import Place
from tests.fuzz.target import Target
from tests.policy.phi.files.compound import compound, excel, prop, tnef, word
from tests.policy.phi.files.make import docx, odf, paragraph, read, reasons, sheet, words, xlsx, zipped
from tests.policy.phi.files.test_beside import packaged
from tests.policy.phi.files.test_dicom import DEFLATED, IMPLICIT, PATIENT, PIXELS, dicom
from tests.policy.phi.files.test_rtf import rtf

_OCTETS: Final = 4 * 1024 * 1024


def files(data: bytes) -> None:
    """AB-01 to AB-07: any bytes are read or told as unreadable, never an error, and never beyond the budget."""
    budget = Budget(characters=100_000, octets=_OCTETS, entries=50, elements=20_000)
    job = Job(place=Place(part="2"), budget=budget, read=extract)
    found = list(extract(data, job))
    assert budget.octets > -_OCTETS
    assert found or not data[:1024].strip() or len(data) > 1024 or budget.entries < 50 or _says_nothing(data)


def _says_nothing(data: bytes) -> bool:
    """Tell whether a file is sound and empty: no text of it is missed."""
    return data[:2] in {b"PK", b"{\\", b"\x1f\x8b", b"x\x9f", b"\xd0\xcf", b"BZ"} or not data.strip(
        b"\xef\xbb\xbf \t\r\n"
    )


def appended(data: bytes) -> None:
    """AB-03: nothing can be put before, behind or into an archive without a doubt."""
    whole = zipped({"a.txt": "lunch"})
    for made in (data + whole, whole + data, whole[:30] + data + whole[30:]):
        if data:
            assert reasons(read(made))


def dicom_header(data: bytes) -> None:
    """AB-01, MP-15: elements that follow a whole one change nothing of it, and none is read twice without end."""
    budget = Budget(characters=100_000, octets=_OCTETS, elements=5_000)
    found = read(dicom(PATIENT) + data, budget=budget)
    assert "MRN: 00448812" in words(found).split("\n")
    assert len(words(found)) <= 20 * len(dicom(PATIENT) + data)


def number_format(data: bytes) -> None:
    """MP-14: a format of any kind loses no digit of a number, and adds none but zeros before it."""
    masks = masks_of(data.decode("latin-1"))
    if masks:
        places = "".join(sign for mask in masks for is_place, sign in mask.pieces if not is_place)
        for number in (0, 7, 412557812, 10**14):
            shown = written(number, masks)
            digits = "".join(sign for sign in shown if sign in "0123456789")
            assert any(sign in "0123456789" for sign in places) or digits.lstrip("0") == str(number).lstrip("0")


def packaged_file(data: bytes) -> None:
    """AB-03: whatever stands in the stream of an object, each octet of it is read or told."""
    found = read(compound({"\x01Ole10Native": data}))
    assert found


def packed_rtf(data: bytes) -> None:
    """AB-01: what comes out of compressed rich text is bounded by what went in."""
    text, reason = unpack_rtf(data, _OCTETS)
    assert len(text) <= 20 * len(data)
    assert not (text and reason)


def paragraphs(data: bytes) -> None:
    """MP-14: whatever stands in one run of a document, the next run of the paragraph is read, or it is told."""
    document = docx(paragraph("SSN 412-", "55-7812"), more={"word/header1.xml": data})
    found = read(document)
    assert "SSN 412-55-7812" in words(found).split("\n")


TARGETS: Final[Mapping[str, Target]] = {
    "files": Target(
        run=files,
        words=(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"{\\rtf1", b"\\'41", b"\\u65?", b"\\bin9 ", b"\xff" * 4),
        seeds=(
            zipped({"a.txt": "lunch", "b.zip": zipped({"c.txt": "soup"})}),
            docx(paragraph("a", "b")),
            xlsx(sheet([["a", "b"], ["c", "d"]])),
            odf("<office:text/>"),
            rtf(r"a\par{\header b}\trowd c\cell\row"),
            word("a\rb\x07c\x07\x07"),
            excel((0, 0, "a"), (1, 1, "b")),
            rtf(r"{\stylesheet 1-2;}{\*\datastore d0cf11e0a1b11ae1}{\object{\*\objdata d0cf11e0a1b11ae1}}"),
            gzip.compress(b"lunch", mtime=0),
            tnef((0x00069003, b"\1\0\0\0" + prop(0x1F, 0x37, b"a\0"))),
        ),
    ),
    "appended": Target(run=appended, words=(b"PK\x05\x06", b"PK\x03\x04", bytes(22)), seeds=(b"x", bytes(22))),
    "dicom_header": Target(
        run=dicom_header,
        words=(b"\xe0\x7f\x10\x00OW", b"\xfe\xff\x00\xe0", b"\xff" * 4, b"\x08\x00\x05\x00CS", b"\x10\x00\x10\x00PN"),
        seeds=(dicom([*PATIENT, PIXELS]), dicom(PATIENT, IMPLICIT)[200:], dicom(PATIENT, DEFLATED)),
    ),
    "number_format": Target(
        run=number_format,
        words=(b"0", b"#", b"-", b";", b"[<=9]", b"\\", b'"'),
        seeds=(b"000-00-0000", b"[<=9999999]###-####;(###) ###-####", b'"MRN "0000000'),
    ),
    "packaged_file": Target(run=packaged_file, words=(b"\x00", b"\x02\x00"), seeds=(packaged("a.txt", b"lunch"),)),
    "packed_rtf": Target(
        run=packed_rtf,
        words=(b"LZFu", b"MELA", bytes(4)),
        seeds=(bytes.fromhex("1b0000000b0000004c5a4675b1c5c7a7030a00726370673132354232"),),
    ),
    "paragraphs": Target(
        run=paragraphs,
        words=(
            b"<!DOCTYPE a [",
            b"<w:p>",
            b"</w:p>",
            b"<a:tbl>",
            b"&a;",
            b"<![CDATA[",
            b'<?xml version="1.0" encoding="x"?>',
        ),
        seeds=(b"<w:p xmlns:w='w'>a</w:p>", b"<a/>"),
    ),
}
