"""Real tesseract in a confined inspector."""

import io
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
from PIL import Image, ImageDraw, ImageFont

from gateway.config.ocr import OcrMissing, find_model
from gateway.inspect.inspector import Inspector, inspector_pool
from policy.phi.custom.detect import Custom
from policy.phi.report import Kind, Report
from tests.tools import IN_CI

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LETTER = (
    "Riverside Clinic, Springfield",
    "Patient: Jane Roe, date of birth 04/02/1961",
    "SSN 412-55-7812",
    "She has type 2 diabetes and takes metformin 500 mg.",
)


@pytest.fixture(scope="module")
def model() -> str:
    """Where the model is; without it the test is skipped, under CI it fails."""
    try:
        return find_model()
    except OcrMissing as missing:
        (pytest.fail if IN_CI else pytest.skip)(str(missing))


@pytest.fixture
async def inspector(model: str) -> AsyncIterator[Inspector]:
    """One inspector that reads pictures."""
    pool = inspector_pool(1, custom=Custom(ocr=model))
    await pool.start()
    yield Inspector(pool)
    assert pool.deaths == 0
    await pool.stop()


def page(lines: tuple[str, ...] = LETTER) -> Image.Image:
    """Return a letter as a scanner sees it."""
    sheet = Image.new("L", (1200, 500), 250)
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype("DejaVuSans.ttf", 30)
    for number, line in enumerate(lines):
        pen.text((60, 60 + 60 * number), line, font=font, fill=20)
    return sheet


def saved(sheet: Image.Image, kind: str) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    sheet.save(out, kind)
    return out.getvalue()


async def inspect(inspector: Inspector, data: bytes, subtype: str) -> Report:
    """Have a letter with a picture read."""
    message = EmailMessage()
    message["From"] = "Front Desk <desk@clinic.example>"
    message["Subject"] = "Scan"
    message.set_content("As you asked.\n")
    message.add_attachment(data, maintype="image", subtype=subtype, filename="scan")
    return await inspector.inspect(bytes(message), subject_tags=())


async def test_pictures_are_read_behind_closed_doors(inspector: Inspector) -> None:
    """Every format, a scan in a PDF too; a picture of nothing stays unreadable, and so does noise (AB-08)."""
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "PDF"):
        report = await inspect(inspector, saved(page(), kind), kind.lower())
        assert report.phi, kind
        assert {Kind.SSN, Kind.DRUG} <= {finding.kind for finding in report.findings}, kind
        assert not report.uninspectable, kind
    harmless = page(("Riverside Garage, Springfield", "The car park is closed on Monday.", "Please use the other one."))
    assert not (await inspect(inspector, saved(harmless, "PNG"), "png")).protected
    blank = await inspect(inspector, saved(page(()), "PNG"), "png")
    assert [entry.reason for entry in blank.uninspectable] == ["a picture in which little can be read"]
    noise = Image.effect_noise((900, 900), 90)
    assert (await inspect(inspector, saved(noise, "PNG"), "png")).protected
