"""What is attached, as rules see it: type, known extension, size, whether it runs or has macros; never a name."""

import io
import zipfile
from email.message import EmailMessage

import pytest

from gateway.inspect.wire import pack_report, unpack_report
from policy.phi.attached import extension_of
from policy.phi.classify import classify_message
from policy.phi.report import Attached

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def message(data: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "a@clinic.example", "x"
    made.set_content("See the file.\n")
    maintype, _, subtype = kind.partition("/")
    made.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return made.as_bytes().replace(b"\n", b"\r\n")


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return made.getvalue()


def look(data: bytes, name: str, kind: str = "application/octet-stream") -> Attached:
    (one,) = classify_message(message(data, name, kind)).attached
    return one


@pytest.mark.parametrize(
    ("data", "name", "runs", "macros"),
    [
        (b"hello", "a.txt", False, False),
        (b"hello", "invoice.EXE", True, False),
        (b"hello", "invoice.exe. ", True, False),
        (b"hello", "invoice.pdf.js", True, False),
        (b"hello", "cod.\u202escr", True, False),
        (b"hello", "notes.exe.txt", False, False),
        (b"MZ\x90\x00", "picture.png", True, False),
        (b"\x7fELF\x02", "picture", True, False),
        (b"#!/bin/sh\n", "notes.txt", True, False),
        (archive("a.txt", "b.pdf"), "a.zip", False, False),
        (archive("a.txt", "Setup.EXE"), "a.zip", True, False),
        (b"prefix" + archive("x.exe"), "a.bin", True, False),
        (archive("x.exe") + b"suffix", "a.bin", True, False),
        (archive("x.exe").replace(b"x.exe", b"x.txt", 1), "a.zip", True, False),
        (archive("x.txt").replace(b"x.txt", b"x.exe", 1), "a.zip", True, False),
        (archive("x.exe") + b"PK\x05\x06" + bytes(18), "a.zip", True, False),
        (archive("xl/macrosheets/sheet1.xml"), "a.xlsx", False, True),
        (archive("word/document.xml"), "a.docx", False, False),
        (archive("word/document.xml", "word/vbaProject.bin"), "a.docx", False, True),
        (archive("a/b.docm"), "a.zip", False, True),
        (b"hello", "a.xlsm", False, True),
        (OLE, "a.doc", False, False),
        (OLE + "_VBA_PROJECT".encode("utf-16-le"), "a.doc", False, True),
        (b"PK\x03\x04" + b"PK\x05\x06", "broken.zip", False, False),
    ],
)
def test_what_runs_and_what_has_macros(data: bytes, name: str, runs: bool, macros: bool) -> None:
    """By name as programs read it, by first bytes, and one level into a ZIP; a broken ZIP is uninspectable anyway."""
    one = look(data, name)
    assert (one.is_executable, one.has_macros) == (runs, macros)


def test_type_extension_and_size() -> None:
    one = look(b"%PDF-" + b"x" * 995, "Report.PDF", "application/pdf")
    assert (one.type, one.extension, one.size) == ("application/pdf", "pdf", 1000)


@pytest.mark.parametrize("name", ["letter.smith", "jane.doe", "", "no-suffix", "a.ssn123456789"])
def test_an_unknown_extension_is_not_told(name: str) -> None:
    """Invariant 4: it may be part of anybody's name."""
    assert extension_of(name) == ""


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"text: Maria Gomez <maria@clinic.example>x/y", ""),
        (b"texFrom: Ann <a\x9an@clinic.example>t/pl", ""),
        (b"application/x-maria-gomez", "application"),
        (b"maria gomez/pdf", ""),
    ],
)
def test_a_type_of_the_senders_making_is_not_told(written: bytes, told: str) -> None:
    """MP-15: what stands where a type should is the sender's words, and may hold octets that no report can carry."""
    data = b"From: a@clinic.example\r\nSubject: x\r\nContent-Type: " + written + b"\r\n\r\nHello.\r\n"
    report = classify_message(data)
    assert [file.type for file in report.attached if file.type] == ([told] if told else [])
    assert unpack_report(pack_report(report)) == report


def test_the_text_is_no_attachment() -> None:
    plain = b"From: a@clinic.example\r\nSubject: x\r\n\r\nHello\r\n"
    assert classify_message(plain).attached == ()
    named = b"From: a@clinic.example\r\nContent-Type: text/plain; name=run.bat\r\n\r\nHello\r\n"
    assert [one.is_executable for one in classify_message(named).attached] == [True]
