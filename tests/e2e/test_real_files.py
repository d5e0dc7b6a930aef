"""Files as real programs make them: whatever a person would see in one is read, or said to be unreadable."""

import io
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from gateway.config.ocr import find_model
from gateway.inspect.tesseract import Tesseract
from policy.phi.classify import classify_message
from policy.phi.normalise import normalise
from policy.phi.report import Kind, Report
from tests.e2e import office_files
from tests.e2e.office_files import IN_SHEETS, IN_SLIDES, IN_TEXT, LOCKED, MADE
from tests.policy.phi.files.make import NUMBER, read, reasons, words
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
# What LibreOffice leaves out when it prints.
UNPRINTED = ("hidden", "comment")
# What is told besides, although all is read: a text box and a picture look alike in the old formats.
TOLD = {"text.doc": ["attachment type not readable yet (an image)"]}
TOLD["slides.ppt"] = TOLD["text.doc"]
POSTSCRIPT = f"""%!PS
/Helvetica findfont 14 scalefont setfont
72 700 moveto (Patient Jane Roe, SSN {NUMBER}) show
72 670 moveto (has type 2 diabetes and takes metformin) show
showpage
"""
PAGE = f"""<!doctype html><title>Record</title><style>td {{ border: 1px solid }}</style>
<h1>Riverside Clinic</h1><table><tr><th>Name<th>SSN<th>Diagnosis<tr><td>Jane Roe<td>{NUMBER}<td>type 2 diabetes</table>
<p>A word that is <b>bo</b>ld, and <a href="https://x.example/?n=415-55-7812">a link</a>.</p>"""
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --no-pdf-header-footer"
).split()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What LibreOffice made, by name."""
    return office_files.make(tmp_path_factory.mktemp("office"))


def run(*command: str | Path) -> None:
    """Run a program to its end."""
    subprocess.run([*map(str, command)], check=True, timeout=60, capture_output=True)


def report(data: bytes, name: str) -> Report:
    """Classify a letter with one file."""
    message = EmailMessage()
    message["From"] = "Front Desk <desk@clinic.example>"
    message["Subject"] = "List"
    message.set_content("The list is attached.\n")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return classify_message(bytes(message))


@pytest.mark.parametrize("name", MADE)
def test_libreoffice(made: Mapping[str, bytes], name: str) -> None:
    """Every number that was put in comes out: of headers, notes, comments, hidden sheets, boxes, what was deleted."""
    found = read(made[name], file_name=name)
    said = normalise(words(found))
    put = {"text": IN_TEXT, "sheets": IN_SHEETS, "slides": IN_SLIDES}[name.partition(".")[0]]
    unprinted = UNPRINTED if name.endswith(".pdf") else ()
    assert [where for where, number in put.items() if number not in said and where not in unprinted] == []
    assert sorted(set(reasons(found))) == TOLD.get(name, [])


@pytest.mark.parametrize("name", LOCKED)
def test_libreoffice_with_a_password(made: Mapping[str, bytes], name: str) -> None:
    """AB-02: never taken for an empty document."""
    found = read(made[name], file_name=name)
    assert "the document is encrypted" in reasons(found)
    inside = {number for put in (IN_TEXT, IN_SHEETS) for where, number in put.items() if where != "title"}
    assert not [number for number in inside if number in words(found)]  # the title is left in clear


@pytest.mark.parametrize("name", ["sheets.xlsx", "sheets.xls", "sheets.ods"])
def test_cells_of_libreoffice(made: Mapping[str, bytes], name: str) -> None:
    """A finding names sheet and cell, as the program shows them."""
    places = {
        finding.masked[-4:]: str(finding.place).partition(", ")[2]
        for finding in report(made[name], name).findings
        if finding.kind is Kind.SSN and finding.place.cell
    }
    expected = {"cell": "sheet 1, cell B5", "far": "sheet 1, cell AB26", "hidden": "sheet 2, cell A1"}
    assert {where: places.get(IN_SHEETS[where][-4:]) for where in expected} == expected


def test_pages_of_libreoffice(made: Mapping[str, bytes]) -> None:
    """A finding on a slide, in its notes too, names the slide."""
    pages = {
        finding.masked[-4:]: finding.place.page
        for finding in report(made["slides.pptx"], "slides.pptx").findings
        if finding.kind is Kind.SSN
    }
    assert {where: pages.get(IN_SLIDES[where][-4:]) for where in ("first", "second", "cell", "notes")} == {
        "first": 1, "second": 2, "cell": 2, "notes": 2,
    }  # fmt: skip


def test_chromium_prints_to_pdf(tmp_path: Path) -> None:
    """What a browser prints of a portal of patients: words, cells, links; page and line of a finding."""
    (tmp_path / "a.html").write_text(PAGE, encoding="utf-8")
    target = tmp_path / "a.pdf"
    run(need("chromium"), *CHROMIUM, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={target}",
        (tmp_path / "a.html").as_uri())  # fmt: skip
    data = target.read_bytes()
    said = words(read(data))
    assert NUMBER in said
    assert "415-55-7812" in said
    assert "bold" in said
    (found, *_) = [finding for finding in report(data, "a.pdf").findings if finding.kind is Kind.SSN]
    assert (found.place.page, found.place.line > 0) == (1, True)


def test_ghostscript(tmp_path: Path) -> None:
    """PDF of text is read, with a password it is not (AB-02), and as a picture only where pictures are."""
    program, source = need("gs"), tmp_path / "a.ps"
    source.write_text(POSTSCRIPT, encoding="ascii")
    quiet = (program, "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER")
    made = {name: tmp_path / f"{name}.pdf" for name in ("text", "locked", "scan")}
    run(*quiet, "-sDEVICE=pdfwrite", f"-sOutputFile={made['text']}", source)
    run(*quiet, "-sDEVICE=pdfwrite", "-sOwnerPassword=o", "-sUserPassword=u", "-dEncryptionR=3", "-dKeyLength=128",
        f"-sOutputFile={made['locked']}", source)  # fmt: skip
    run(*quiet, "-sDEVICE=pdfimage8", "-r150", f"-sOutputFile={made['scan']}", source)
    found = {name: read(path.read_bytes()) for name, path in made.items()}
    assert NUMBER in words(found["text"])
    assert not reasons(found["text"])
    assert reasons(found["locked"]) == ["the PDF is encrypted"]
    assert reasons(found["scan"]) == ["a page is a picture"]
    head = b'Content-Type: application/pdf\nContent-Disposition: attachment; filename="a"\n\n'
    seen = classify_message(head + made["scan"].read_bytes(), eye=Tesseract(find_model()))
    assert seen.phi
    assert not seen.uninspectable


@pytest.mark.parametrize(
    ("kind", "options"),
    [("7z", ()), ("7z", ("-m0=LZMA",)), ("7z", ("-m0=PPMd",)), ("zip", ()), ("zip", ("-mm=BZip2",)), ("tar", ())],
)
def test_7z_without_a_password(tmp_path: Path, kind: str, options: tuple[str, ...]) -> None:
    """Names and contents of all files."""
    found = read(_packed(tmp_path, kind, *options))
    assert NUMBER in words(found)
    assert not reasons(found)


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("7z", ("-psecret",), "a file in an archive is encrypted"),
        ("7z", ("-psecret", "-mhe=on"), "the archive is encrypted"),
        ("zip", ("-psecret",), "a file in an archive is encrypted"),
        ("zip", ("-psecret", "-mem=AES256"), "a file in an archive is encrypted"),
        ("zip", ("-mm=LZMA",), "a file in an archive is packed in a way that is not read"),
        ("zip", ("-mm=Deflate64",), "a file in an archive is packed in a way that is not read"),
    ],
)
def test_7z_with_a_password(tmp_path: Path, kind: str, options: tuple[str, ...], reason: str) -> None:
    """AB-02: never taken for an empty archive; so is what few programs open."""
    found = read(_packed(tmp_path, kind, *options))
    assert NUMBER not in words(found)
    assert reason in reasons(found)


def _packed(folder: Path, kind: str, *options: str) -> bytes:
    (folder / "record.txt").write_text(f"Jane Roe, SSN {NUMBER}\n" * 20, encoding="ascii")
    target = folder / f"a.{kind}"
    run(need("7z"), "a", f"-t{kind}", *options, target, folder / "record.txt")
    return target.read_bytes()


def test_pydicom() -> None:
    """Header fields are read and labelled, text of other alphabets too; the picture is told."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID, data.PatientBirthDate = "Roë^Jane", "00448812", "19610402"
    data.StudyDescription, data.Modality = "CT chest, pneumonia", "CT"
    data.Rows = data.Columns = 4
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 7, 0, 1
    data.PhotometricInterpretation, data.PixelData = "MONOCHROME2", bytes(16)
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    found = read(out.getvalue())
    assert "Roë" in words(found)
    assert "00448812" in words(found)
    assert reasons(found)
    seen = report(out.getvalue(), "a.dcm")
    assert seen.phi
    assert {Kind.MRN, Kind.DOB, Kind.DIAGNOSIS} <= {finding.kind for finding in seen.findings}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pillow_without_ocr(kind: str) -> None:
    """A picture protects its message, whatever is in it."""
    out = io.BytesIO()
    Image.new("L", (50, 50)).save(out, kind)
    assert report(out.getvalue(), "a").protected
