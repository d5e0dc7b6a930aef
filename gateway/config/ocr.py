"""Where the program that reads pictures has its model, and whether it is installed at all."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

LANGUAGE: Final = "eng"
# Where Debian, Fedora, Arch and a build of one's own put it.
_FOLDERS: Final = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
)


class OcrMissing(Exception):
    """Pictures cannot be read here; the text says what to install."""


def find_model() -> str:
    """Find the folder with the model. Imports nothing. Raises: OcrMissing, also when the extra is not installed."""
    if not (find_spec("tesserocr") and find_spec("PIL")):
        raise OcrMissing('needs the extra [ocr]; install it, or write "ocr = false"')
    for folder in _FOLDERS:
        if (Path(folder) / f"{LANGUAGE}.traineddata").is_file():
            return folder
    raise OcrMissing(f'needs tesseract\'s model; install tesseract-ocr-{LANGUAGE}, or write "ocr = false"')
