"""Pictures and scans, read by a program that is data here; tests/gateway/inspect/test_tesseract.py has the real one."""

import io
import struct
import zlib
from dataclasses import dataclass, field

import pypdfium2
import pytest
from PIL import Image

from policy.phi.extract import extract
from policy.phi.files import picture, sight
from policy.phi.files.found import Budget, Found, Job, Unreadable
from policy.phi.files.sight import LITTLE, TOO_LARGE, TOO_SLOW, Sight
from policy.phi.report import Place
from tests.policy.phi.files.make import NUMBER, docx, paragraph, reasons, words, zipped

SAID = f"Patient Jane Roe SSN {NUMBER} has gout\n"
SURE = Sight(SAID, (95, 91, 90, 88, 97, 96, 95))


@dataclass
class FakeEye:
    """Says the same of every picture, and keeps what it was shown."""

    says: Sight = SURE
    seen: list[tuple[bytes, int, int, int]] = field(default_factory=list)

    def read(self, pixels: bytes, *, width: int, height: int, timeout_ms: int) -> Sight:
        """As `Eye`."""
        assert len(pixels) == width * height
        self.seen.append((pixels, width, height, timeout_ms))
        return self.says


def look(data: bytes, eye: FakeEye | None, budget: Budget | None = None) -> list[Found]:
    """Read a file where pictures are read, too."""
    budget = budget or Budget(characters=100_000)
    return list(extract(data, Job(place=Place(part="2", name="image/png"), budget=budget, read=extract, eye=eye)))


def painted(kind: str, size: tuple[int, int] = (40, 20), mode: str = "L", *, pages: int = 1, color: int = 0) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    sheets = [Image.new(mode, size, color + number) for number in range(pages)]
    sheets[0].save(out, kind, **({"save_all": True, "append_images": sheets[1:]} if pages > 1 else {}))
    return out.getvalue()


def scan(*, side: float = 595, share: float = 1.0, text: str = "") -> bytes:
    """Return a PDF whose page shows a picture of this share of its width."""
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(side, side)
    image = pypdfium2.PdfImage.new(document)
    image.load_jpeg(io.BytesIO(painted("JPEG")), inline=True)
    image.set_matrix(pypdfium2.PdfMatrix().scale(side * share, side))
    page.insert_obj(image)
    page.gen_content()
    out = io.BytesIO()
    document.save(out)
    return out.getvalue() + text.encode()


@pytest.mark.parametrize("kind", picture.FORMATS)
def test_every_format_is_read(kind: str) -> None:
    """Small ones twice as large, since letters on a screen are small."""
    eye = FakeEye()
    found = look(painted(kind), eye)
    assert words(found) == SAID
    assert not reasons(found)
    assert [shown[1:3] for shown in eye.seen] == [(80, 40)]


def test_without_a_program_a_picture_is_unreadable() -> None:
    """As before the extra: the message is protected."""
    assert reasons(look(painted("PNG"), None)) == ["attachment type not readable yet (an image)"]
    assert reasons(look(zipped({"a.png": painted("PNG")}), None)) == ["attachment type not readable yet (an image)"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (Sight("", ()), LITTLE),  # a face
        (Sight("Jane Roe had", (99, 99, 99)), LITTLE),  # hardly a document
        (Sight(SAID, (95, 91, 90, 88, 97, 96, 20)), LITTLE),  # handwriting among print
        (Sight("", (), is_whole=False), TOO_SLOW),
    ],
)
def test_what_is_not_sure_keeps_the_message_protected(says: Sight, reason: str) -> None:
    """What was read is found all the same."""
    found = look(painted("PNG"), FakeEye(says))
    assert reasons(found) == [reason]
    assert words(found) == says.text


def test_pages_of_a_fax_are_told() -> None:
    """TIFF has pages, and each is a place."""
    found = look(painted("TIFF", pages=3), FakeEye())
    assert [found.place.page for found in found] == [1, 2, 3]


def test_what_shows_through_is_white() -> None:
    """Black letters on nothing would be black on black."""
    eye = FakeEye()
    out = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
    look(out.getvalue(), eye)
    assert set(eye.seen[0][0]) == {255}


def test_shades_beyond_eight_bits_are_scaled() -> None:
    """A plain conversion would make one white of all that is over 255."""
    eye = FakeEye()
    out = io.BytesIO()
    shades = Image.new("I;16", (10, 10), 20_000)
    shades.paste(40_000, (0, 0, 5, 10))
    shades.save(out, "PNG")
    look(out.getvalue(), eye)
    assert {min(eye.seen[0][0]), max(eye.seen[0][0])} == {0, 255}


def test_a_claim_of_size_is_not_unpacked() -> None:
    """AB-08: 60,000 x 60,000 pixels in a few kilobytes, and the same in many small steps."""
    eye = FakeEye()
    huge = bytearray(painted("PNG"))
    huge[16:24] = struct.pack(">2L", 60_000, 60_000)
    huge[29:33] = struct.pack(">L", zlib.crc32(huge[12:29]))
    assert reasons(look(bytes(huge), eye)) == [TOO_LARGE]
    assert reasons(look(painted("PNG", (6_000, 5_000), "1"), eye)) == [TOO_LARGE]
    assert not eye.seen


def test_all_pictures_of_a_message_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """AB-01, AB-08: neither many pictures nor many pages cost more than one large one."""
    eye, budget = FakeEye(), Budget(characters=100_000, pixels=7_000)
    found = look(zipped({f"{number}.png": painted("PNG", color=number) for number in range(9)}), eye, budget)
    assert reasons(found) == [TOO_LARGE] * 7
    assert len(eye.seen) == 2
    slow, budget = FakeEye(Sight(SAID, (95,) * 7, spent_ms=6_000)), Budget(characters=100_000)
    found = look(painted("TIFF", pages=4), slow, budget)
    assert [shown[3] for shown in slow.seen] == [10_000, 4_000]
    assert reasons(found) == [TOO_SLOW] * 2
    monkeypatch.setattr(picture, "PAGES", 2)
    assert reasons(look(painted("TIFF", pages=4), FakeEye())) == [TOO_LARGE]


def test_a_large_picture_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a telephone takes has more pixels than letters need, and each costs time."""
    monkeypatch.setattr(picture, "PAGE_PIXELS", 200)
    monkeypatch.setattr(picture, "_SMALL", 100)
    eye = FakeEye()
    look(painted("JPEG"), eye)
    assert eye.seen[0][1:3] == (20, 10)


@pytest.mark.parametrize("cut", [30, 60])
def test_a_damaged_picture_is_told(cut: int) -> None:
    """Decoders raise what they like."""
    assert reasons(look(painted("PNG", (400, 400))[:-cut], FakeEye())) == [picture.DAMAGED]


def test_a_scanned_page_is_read() -> None:
    """Its place is the page; where the picture is only a part, what else it may show is not known."""
    found = look(scan(), FakeEye())
    assert words(found).strip() == SAID.strip()
    assert not reasons(found)
    assert [entry.place.page for entry in found] == [1]
    partly = look(scan(share=0.5), FakeEye())
    assert words(partly).strip() == SAID.strip()
    assert reasons(partly) == ["a page shows a picture"]
    assert reasons(look(scan(), None)) == ["a page is a picture"]


def test_a_page_without_end_is_drawn_small() -> None:
    """AB-05: a page of 14,400 points would be 1.6 gigabytes at 200 dots an inch."""
    eye = FakeEye()
    found = look(scan(side=14_400), eye)
    assert not reasons(found)
    assert eye.seen[0][1] * eye.seen[0][2] < 1.01 * sight.PAGE_PIXELS
    assert reasons(look(scan(), eye, Budget(characters=100_000, pixels=1_000))) == [TOO_LARGE]


def test_pictures_in_a_document_are_read() -> None:
    """A photograph of a chart that was put into Word."""
    data = docx(paragraph("see below"), more={"word/media/image1.png": painted("PNG")})
    found = look(data, FakeEye())
    assert SAID in words(found)
    assert not [entry for entry in found if isinstance(entry, Unreadable)]
