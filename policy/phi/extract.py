"""Bytes of one leaf part to text, by what the content is and not by what it says it is (AB-03).

Readable now: plain and other text, HTML, XML, JSON, PDF, delimited tables, the interchange formats of `containers`, and
what `files` reads: archives, office documents, Outlook's mail and DICOM, with the files in them. Everything else is
unreadable with the reason, and the message counts as protected.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from policy.phi.containers import COMPLETE, container_text
from policy.phi.decode import charset_decode
from policy.phi.files.archive import is_tar, read_compressed, read_other_archive, read_tar, read_zip
from policy.phi.files.dicom import is_dicom, read_dicom
from policy.phi.files.found import Found, Job, Letter, Piece, Unreadable
from policy.phi.files.magic import IMAGE, LEADING, NOT_YET, is_binary, unreadable_kind
from policy.phi.files.office import is_flat, read_flat
from policy.phi.files.ole import MAGIC as OLE
from policy.phi.files.ole import read_ole
from policy.phi.files.outlook import TNEF_MAGIC as TNEF
from policy.phi.files.outlook import read_tnef
from policy.phi.files.picture import read_picture
from policy.phi.files.rtf import MAGIC as RTF
from policy.phi.files.rtf import read_rtf
from policy.phi.files.sight import Gaze
from policy.phi.files.zip import END as ZIP_END
from policy.phi.files.zip import ends_as_zip
from policy.phi.report import Place
from policy.phi.text_csv import csv_text, is_table
from policy.phi.text_html import html_text
from policy.phi.text_pdf import pdf_pages
from policy.phi.text_tabs import tab_tables
from policy.phi.text_xml import xml_text

# Readers by the first octets of what they read.
_READERS: Final[tuple[tuple[bytes, Callable[[bytes, Job], Iterator[Found]]], ...]] = (
    (b"PK\x03\x04", read_zip),
    (b"PK\x05\x06", read_zip),
    (b"\x1f\x8b", read_compressed),
    (b"BZh", read_compressed),
    (b"\xfd7zXZ\x00", read_compressed),
    (b"7z\xbc\xaf\x27\x1c", read_other_archive),
    (b"Rar!\x1a\x07", read_other_archive),
    (OLE, read_ole),
    (TNEF, read_tnef),
)
_BINARY_TYPES: Final = ("application/rtf", "text/rtf", "image/", "audio/", "video/", "font/", "model/")
_LETTER_NAMES: Final = (".eml", ".mht", ".mhtml", ".emlx")
_LETTER: Final = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|MIME-Version|Message-ID|From|Date|Subject):", re.IGNORECASE
)
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


def extract(data: bytes, job: Job) -> Iterator[Found]:
    """Yield the texts of one decoded part, and of the files in it. Never raises.

    data: the part without its transfer encoding.
    """
    place = job.place
    if not data[:1024].strip(LEADING) and len(data) <= 1024:
        return
    is_pdf = b"%PDF-" in data[:1024]  # readers look for it anywhere in the first kilobyte
    if is_pdf:
        yield from _pdf(data, job)
    read = _reader(data)
    if read:
        yield from read(data, job)
        if read is not read_zip and ends_as_zip(data):
            yield Unreadable(place, "an archive stands behind something else")
        return
    if ZIP_END in data:
        yield Unreadable(place, "an archive stands in something else")
        yield from read_zip(data, job)
    if is_pdf and not place.name.startswith("text/"):
        return
    what = "" if is_pdf else _unreadable_kind(data, place)
    if what == IMAGE and job.eye:
        yield from read_picture(data, job)
    elif what:
        yield Unreadable(place, what)
    elif job.depth and _is_letter(data, job.file_name):
        yield Letter(place, data)
    else:
        yield from _views(data, job)


def _views(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a text says in every charset that a program may read it in."""
    longest = job.budget.characters * 2
    if len(data) > longest:
        yield Unreadable(job.place, "the part is too large to be read")
        data = data[:longest]
    views, doubt = charset_decode(data, job.charset)
    if doubt:
        yield Unreadable(job.place, doubt)
    for view in views:
        yield from _text(view, job.place, job.file_name)
    if views and is_flat(views[0]):
        yield from read_flat(data, job)


def _reader(data: bytes) -> Callable[[bytes, Job], Iterator[Found]] | None:
    """Return the reader for a file, by what stands in it; None when it is text or nothing is known about it."""
    for magic, read in _READERS:
        if data.startswith(magic):
            return read
    if is_dicom(data):
        return read_dicom
    if data[:1024].lstrip(LEADING).startswith(RTF):
        return read_rtf
    return read_tar if is_tar(data) else None


def _unreadable_kind(data: bytes, place: Place) -> str:
    """Return why a part cannot be read, in words, when there is no reader for it yet; "" when it is text."""
    is_declared_text = place.name.startswith("text/")
    known = unreadable_kind(data, is_declared_text=is_declared_text)
    if known:
        return known
    if place.name.startswith(_BINARY_TYPES) or (not is_declared_text and is_binary(data)):
        return f"{NOT_YET} (no text)"
    return ""


def _is_letter(data: bytes, file_name: str) -> bool:
    """Tell whether a file in a file is a message: by its name, or by the header fields that it begins with."""
    return file_name.lower().endswith(_LETTER_NAMES) or _LETTER.match(data.lstrip(LEADING)) is not None


def _pdf(data: bytes, job: Job) -> Iterator[Found]:
    gaze = Gaze(job.eye, job.budget) if job.eye else None
    for page in pdf_pages(data, max_characters=job.budget.characters, gaze=gaze):
        where = job.at(name="application/pdf", page=page.number)
        if page.reason:
            yield Unreadable(where, page.reason)
        if page.text:
            yield Piece(where, page.text)


def _text(text: str, place: Place, file_name: str) -> Iterator[Found]:
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
            yield Piece(place, table[0], grid=table[1])
            is_plain = False
    if is_page or looks.search(text):
        yield from _page(text, place)
    if is_xml:
        yield Piece(place, xml_text(text))
    if is_plain and not (container and container[0] in COMPLETE):
        yield Piece(place, tab_tables(_unescaped(text)))


def _page(text: str, place: Place) -> Iterator[Found]:
    page = html_text(text)
    yield from (Unreadable(place, doubt) for doubt in page.doubts)
    pieces = ((page.shown, page.apparent != ""), (page.apparent, False), (page.hidden, True))
    yield from (Piece(place, content, is_unseen=is_unseen) for content, is_unseen in pieces if content)


def _unescaped(text: str) -> str:
    """Return plain text with what JSON, calendars and address cards cut apart or wrote in numbers put together."""
    if text[:40].lstrip().upper().startswith(("BEGIN:VCARD", "BEGIN:VCALENDAR")):
        text = _FOLDED.sub("", text)
    return _UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
