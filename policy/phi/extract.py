"""Bytes of one leaf part to text, by what the content is and not by what it says it is (AB-03).

Readable now: plain and other text, HTML, XML, JSON, PDF, delimited tables, the interchange formats of `containers`.
Everything else is unreadable with the reason, and the message counts as protected.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy.phi.containers import COMPLETE, container_text
from policy.phi.decode import charset_decode
from policy.phi.report import Place
from policy.phi.text_csv import csv_text, is_table
from policy.phi.text_html import html_text
from policy.phi.text_pdf import pdf_pages
from policy.phi.text_xml import xml_text

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
    (b"{\\rt", "a rich text document"),
    (b"%!PS", "a PostScript document"),
    (b"\x78\x9f\x3e\x22", "a TNEF container"),
)
_LEADING: Final = b"\xef\xbb\xbf \t\r\n"
_BINARY_TYPES: Final = ("application/rtf", "text/rtf", "image/", "audio/", "video/", "font/", "model/")
_BINARY_BYTES: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")
# What ends every ZIP (APPNOTE section 4.3.16): programs find the archive by it, whatever stands before.
_ZIP_END: Final = b"PK\x05\x06"
_HTML: Final = re.compile(r"<(?:!doctype html|html|body|table|div|span|font|p|br|b|i|a|pre)\b", re.IGNORECASE)
_DOCUMENT: Final = re.compile(r"<(?:!doctype html|html|body|svg)\b", re.IGNORECASE)
_HTML_NAMES: Final = (".svg", ".html", ".htm", ".xhtml", ".shtml", ".hta")
_MARKUP_TYPES: Final = frozenset({"text/enriched", "text/richtext"})  # RFC 1896: tags that programs may take away
_UNICODE_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")  # RFC 8259 section 7
_FOLDED: Final = re.compile(r"\n[ \t]")  # RFC 6350 section 3.2, RFC 5545 section 3.1
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
    if not data[:1024].strip(_LEADING) and len(data) <= 1024:
        return
    is_pdf = b"%PDF-" in data[:1024]  # readers look for it anywhere in the first kilobyte
    if is_pdf:
        yield from _pdf(data, place, max_characters)
    if _ZIP_END in data:
        yield Unreadable(place, f"{_NOT_YET} (an archive)")
    if is_pdf and not place.name.startswith("text/"):
        return
    what = "" if is_pdf else _unreadable_kind(data, place)
    if what:
        yield Unreadable(place, f"{_NOT_YET} ({what})")
        return
    if len(data) > max_characters * 2:
        yield Unreadable(place, "the part is too large to be read")
        data = data[: max_characters * 2]
    views, doubt = charset_decode(data, charset)
    if doubt:
        yield Unreadable(place, doubt)
    for view in views:
        yield from _text(view, place, file_name)


def _unreadable_kind(data: bytes, place: Place) -> str:
    """Return what a part is, in words, when there is no reader for it yet; "" when it is text."""
    head = data[:1024].lstrip(_LEADING)
    is_declared_text = place.name.startswith("text/")
    for magic, words in _MAGIC:
        if head.startswith(magic) and not (magic == b"BM" and is_declared_text):
            return words
    if place.name.startswith(_BINARY_TYPES) or (not is_declared_text and _BINARY_BYTES.search(data)):
        return "no text"
    return ""


def _pdf(data: bytes, place: Place, max_characters: int) -> Iterator[Piece | Unreadable]:
    for page in pdf_pages(data, max_characters=max_characters):
        where = Place(part=place.part, name="application/pdf", page=page.number)
        if page.reason:
            yield Unreadable(where, page.reason)
        if page.text:
            yield Piece(where, page.text)


def _text(text: str, place: Place, file_name: str) -> Iterator[Piece | Unreadable]:
    """Yield one decoded text in every form that a program may give it; the form its content asks for comes first."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    name = file_name.lower().rstrip(" .")
    is_declared_xml = "xml" in place.name and "html" not in place.name
    is_xml = is_declared_xml or name.endswith(".xml") or text[:100].lstrip().startswith("<?xml")
    is_page = "html" in place.name or place.name in _MARKUP_TYPES or name.endswith(_HTML_NAMES)
    looks = _DOCUMENT if is_xml or place.name == "text/plain" else _HTML
    is_plain = not is_page and not is_declared_xml
    container = container_text(text)
    if container:
        yield Piece(Place(part=place.part, name=container[0]), container[1])
    if place.name in _TABLE_TYPES or name.endswith(_TABLE_NAMES) or (place.name != "text/plain" and is_table(text)):
        table = csv_text(text)
        if table is None:
            yield Unreadable(place, "the table cannot be read")
        else:
            yield Piece(place, table)
            is_plain = False
    if is_page or looks.search(text):
        yield from _page(text, place)
    if is_xml:
        yield Piece(place, xml_text(text))
    if is_plain and not (container and container[0] in COMPLETE):
        yield Piece(place, _unescaped(text))


def _page(text: str, place: Place) -> Iterator[Piece | Unreadable]:
    page = html_text(text)
    yield from (Unreadable(place, doubt) for doubt in page.doubts)
    yield from (Piece(place, content) for content in (page.shown, page.apparent, page.hidden) if content)


def _unescaped(text: str) -> str:
    """Return plain text with what JSON, calendars and address cards cut apart or wrote in numbers put together."""
    if text[:40].lstrip().upper().startswith(("BEGIN:VCARD", "BEGIN:VCALENDAR")):
        text = _FOLDED.sub("", text)
    return _UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
