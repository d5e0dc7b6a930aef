"""Bytes of one leaf part to text, by what the content is and not by what it says it is (AB-03).

Readable now: plain and other text, HTML, XML, JSON, PDF, delimited tables, the interchange formats of `containers`.
Everything else is unreadable with the reason, and the message counts as protected.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy.phi.containers import container_text
from policy.phi.decode import charset_decode
from policy.phi.report import Place
from policy.phi.text_csv import csv_text, is_table
from policy.phi.text_html import html_text, xml_text
from policy.phi.text_pdf import pdf_pages

_NOT_YET: Final = "attachment type not readable yet"
# First bytes of what is never text, and the words for it.
_MAGIC: Final = (
    (b"PK\x03\x04", "an archive or office document"),
    (b"PK\x05\x06", "an archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document of an older kind"),
    (b"\x1f\x8b", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"Rar!\x1a\x07", "an archive"),
    (b"BZh", "an archive"),
    (b"\xfd7zXZ", "an archive"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"{\\rtf", "a rich text document"),
    (b"%!PS", "a PostScript document"),
    (b"\x78\x9f\x3e\x22", "a TNEF container"),
)
_BINARY_TYPES: Final = ("image/", "audio/", "video/", "font/", "model/")
_BINARY_BYTES: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")
_HTML: Final = re.compile(r"<(?:!doctype html|html|body|table|div|p|br)\b", re.IGNORECASE)
_TABLE_TYPES: Final = frozenset(
    {"text/csv", "application/csv", "text/comma-separated-values", "text/tab-separated-values"}
)
_TABLE_NAMES: Final = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of a part or of one of its pages."""

    place: Place
    content: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What of a part could not be read, and why."""

    place: Place
    reason: str


def extract(
    data: bytes, place: Place, charset: str, *, file_name: str, max_characters: int
) -> Iterator[Piece | Unreadable]:
    """Yield the texts of one decoded part. Never raises.

    data: the part without its transfer encoding. place: its number and declared type. charset: as declared.
    file_name: used for its suffix only. max_characters: text that may still be read (PDF stops there).
    """
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return
    if b"%PDF-" in data[:1024]:  # readers look for it anywhere in the first kilobyte
        yield from _pdf(data, place, max_characters)
        return
    for magic, words in _MAGIC:
        if head.startswith(magic) and not (magic == b"BM" and place.name.startswith("text/")):
            yield Unreadable(place, f"{_NOT_YET} ({words})")
            return
    is_declared_text = place.name.startswith("text/")
    if place.name.startswith(_BINARY_TYPES) or (not is_declared_text and _BINARY_BYTES.search(data[:4096])):
        yield Unreadable(place, f"{_NOT_YET} ({place.name.partition('/')[0] or 'unknown'})")
        return
    if len(data) > max_characters * 4:
        yield Unreadable(place, "the part is too large to be read")
        data = data[: max_characters * 4]
    views, doubt = charset_decode(data, charset)
    if doubt:
        yield Unreadable(place, doubt)
    for view in views:
        yield from _text(view, place, file_name)


def _pdf(data: bytes, place: Place, max_characters: int) -> Iterator[Piece | Unreadable]:
    for page in pdf_pages(data, max_characters=max_characters):
        where = Place(part=place.part, name="application/pdf", page=page.number)
        if page.reason:
            yield Unreadable(where, page.reason)
        if page.text:
            yield Piece(where, page.text)


def _text(text: str, place: Place, file_name: str) -> Iterator[Piece | Unreadable]:
    """Yield one decoded text in the form its content asks for."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    container = container_text(text)
    if container:
        name, lines = container
        yield Piece(Place(part=place.part, name=name), lines)
    elif (
        place.name in _TABLE_TYPES
        or file_name.lower().endswith(_TABLE_NAMES)
        or (place.name != "text/plain" and is_table(text))
    ):
        table = csv_text(text)
        if table is None:
            yield Unreadable(place, "the table cannot be read")
        yield Piece(place, text if table is None else table)
    elif "html" in place.name or (place.name != "text/plain" and _HTML.search(text[:2000])):
        shown, hidden = html_text(text)
        yield Piece(place, shown)
        yield Piece(place, hidden)
    elif "xml" in place.name or text[:100].lstrip().startswith("<?xml"):
        yield Piece(place, xml_text(text))
    else:
        yield Piece(place, text)
