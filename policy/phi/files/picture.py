"""Pictures: PNG, JPEG, GIF, BMP and TIFF, all pages of them, through Pillow and a program that reads (`sight`).

The size is asked before a pixel is unpacked (AB-08), and paid from the budget of the message. Small pictures are
enlarged, since letters of a screen are too small for what is trained on scans.
"""

import io
import math
import warnings
from collections.abc import Iterator
from typing import Any, Final

from policy.phi.files.found import Found, Job, Piece, Unreadable
from policy.phi.files.sight import PAGE_PIXELS, TOO_LARGE, Gaze

try:
    from PIL import Image, ImageOps
except ImportError:  # the extra [ocr] is not installed
    Image = None  # type: ignore[assignment]

FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF")
PAGES: Final = 50
_TYPES: Final = {name: f"image/{name.lower()}" for name in FORMATS}
_SMALL: Final = 1_500_000  # pixels
_WHITE: Final = 255
DAMAGED: Final = "a picture is damaged"


def prepare() -> None:
    """Load what unpacks pictures: behind closed doors it could not be. Raises: ImportError when it is not there."""
    if Image is None:
        raise ImportError("Pillow is not installed")
    Image.init()


def read_picture(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what stands in a picture, and what of it could not be read."""
    if job.eye is None or Image is None:
        raise RuntimeError("there is no program to read pictures")
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("ignore")  # of size, which is judged here, and of metadata, which is not read
            yield from _pages(picture, Gaze(job.eye, job.budget), job)
    except Image.DecompressionBombError:
        yield Unreadable(job.place, TOO_LARGE)
    except Exception:  # decoders raise what they like; each means the same
        yield Unreadable(job.place, DAMAGED)


def _pages(picture: Any, gaze: Gaze, job: Job) -> Iterator[Found]:
    """Yield every page. Pillow unpacks a page when it is asked for pixels, not before."""
    kind = _TYPES.get(picture.format, job.place.name)
    for number in range(PAGES + 1):
        try:
            picture.seek(number)
        except EOFError:
            return
        place = job.at(name=kind, page=number + 1 if number or _has_more(picture) else 0)
        width, height = picture.size
        scale = 2 if width * height <= _SMALL else min(1, math.sqrt(PAGE_PIXELS / (width * height)))
        if number == PAGES or not gaze.fits(width * max(1, scale), height * max(1, scale)):
            yield Unreadable(place, TOO_LARGE)
            return
        grey = _grey(picture)
        if scale != 1:
            grey = grey.resize((max(1, int(grey.width * scale)), max(1, int(grey.height * scale))))
        text, reason = gaze.read(grey.tobytes(), width=grey.width, height=grey.height)
        if text:
            yield Piece(place, text)
        if reason:
            yield Unreadable(place, reason)


def _has_more(picture: Any) -> bool:
    return bool(getattr(picture, "is_animated", False))


def _grey(picture: Any) -> Any:
    """Return a page in shades of grey, the right way up; what shows through is white."""
    page: Any = ImageOps.exif_transpose(picture)
    if page.mode in {"RGBA", "LA", "PA"} or "transparency" in page.info:
        page = page.convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", page.size, (_WHITE, _WHITE, _WHITE, _WHITE)), page)
    if page.mode.startswith(("I", "F")):  # 16 bits and more: scaled, where a plain conversion would cut
        low, high = page.getextrema()
        page = page.point(lambda value: (value - low) * (_WHITE / max(1, high - low)))
    return page.convert("L")
