"""Text of PDF files through PDFium: pages, notes, form fields, titles. What shows without text is told, never passed.

It runs in an inspector process only: PDFium is native code on hostile input. Scripts, attached files, XFA forms, large
pictures and letters that stand for nothing are not read; each is said, so that the message counts as protected.
"""

import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from policy.phi.files.sight import PAGE_PIXELS, TOO_LARGE, Gaze

PAGES: Final = 500
_NOTES: Final = 500  # of one page
_BOOKMARKS: Final = 2_000
_NOTE_BYTES: Final = 65_536  # of one value, UTF-16
_LINK_BYTES: Final = 8_192
_PICTURES: Final = 200  # of one page that are measured
_PICTURE_SHARE: Final = 0.15  # of a page; a larger one may show a document
_SAMPLE: Final = 200  # letters of a page that are asked for their meaning
_MEANINGLESS_SHARE: Final = 0.05
_WRAPPED_HYPHEN: Final = re.compile(r"(?<=\w)-(?:\r?\n|\ufffe|\u0002)\s{0,20}(?=\w)")
_NO_TEXT: Final = "a page has no text layer"
_PICTURE: Final = "a page shows a picture"
_SCAN: Final = "a page is a picture"
_SCAN_SHARE: Final = 0.8  # of a page, from which on its picture is the page
_LETTERS: Final = "letters of a page stand for nothing"
_SEEN: Final = frozenset({_NO_TEXT, _PICTURE, _SCAN, _LETTERS})  # what a program that reads pictures may help
_DPI: Final = 200
_POINTS: Final = 72  # an inch, PDF 32000-1 section 8.3.2.3
_ROUNDED: Final = 4  # pixels by which a line of a drawn page may be longer
_XFA: Final = frozenset({pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND})
_METADATA: Final = ("Title", "Subject", "Keywords", "Author")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: number counted from 1 (0: the document), its text, and why it could not be read ("" if it could)."""

    number: int
    text: str
    reason: str = ""


def pdf_pages(data: bytes, *, max_characters: int, gaze: Gaze | None = None) -> Iterator[Page]:
    """Yield the pages of a PDF. Never raises: what PDFium refuses is one page, number 0, with the reason.

    max_characters: text wanted at most; a page that would pass it is yielded empty with the reason, as the last.
    gaze: reads a page that is a picture; None when there is no program for it.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as refused:
        encrypted = "password" in str(refused).lower() or "security" in str(refused).lower()
        yield Page(0, "", "the PDF is encrypted" if encrypted else "the PDF is damaged")
        return
    try:
        yield from _around(document)
        yield from _pages(document, max_characters, gaze)
    finally:
        document.close()


def _around(document: pypdfium2.PdfDocument) -> Iterator[Page]:
    """Yield what belongs to no page: metadata and bookmarks, and what stands in the file beside them."""
    if document.count_attachments():
        yield Page(0, "", "files are attached to the PDF")
    if pdfium.FPDFDoc_GetJavaScriptActionCount(document):
        yield Page(0, "", "the PDF holds scripts")
    if document.get_formtype() in _XFA:
        yield Page(0, "", "the PDF is an XFA form")
    metadata = document.get_metadata_dict(skip_empty=True)
    lines = [f"{key}: {metadata[key]}" for key in _METADATA if key in metadata]
    for count, bookmark in enumerate(document.get_toc(max_depth=10)):
        if count >= _BOOKMARKS:
            yield Page(0, "", f"the PDF has more than {_BOOKMARKS} bookmarks")
            break
        lines.append(bookmark.get_title())
    if lines:
        yield Page(0, "\n".join(lines))


def _pages(document: pypdfium2.PdfDocument, left: int, gaze: Gaze | None) -> Iterator[Page]:
    for number in range(1, len(document) + 1):
        if number > PAGES:
            yield Page(number, "", f"the PDF has more than {PAGES} pages")
            return
        try:
            text, reason = _read_page(document, number - 1)
            reason = reason or ("" if text.strip() else _NO_TEXT)
            if gaze and reason in _SEEN:
                said, doubt = _look(document, number - 1, gaze)
                text, reason = f"{text}\n{said}".strip(), reason if reason == _PICTURE else doubt
        except pypdfium2.PdfiumError:
            yield Page(number, "", "a page of the PDF is damaged")
            continue
        if len(text) > left:
            yield Page(number, "", "the PDF holds more text than is read")
            return
        left -= len(text)
        yield Page(number, text, reason)


def _read_page(document: pypdfium2.PdfDocument, index: int) -> tuple[str, str]:
    """Return the text of a page, its notes and form fields included, and why there may be more to see."""
    page = document[index]
    notes, reason = _notes(page)
    if notes or reason:  # what notes and fields show is drawn into the page, which then must be loaded again
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        page.close()
        page = document[index]
    textpage = page.get_textpage()
    try:
        text = "\n".join((join_wraps(textpage.get_text_range()), *notes))
        return text, reason or _doubt(page, textpage)
    finally:
        textpage.close()
        page.close()


def _look(document: pypdfium2.PdfDocument, index: int, gaze: Gaze) -> tuple[str, str]:
    """Draw a page and have it read; returns what stands there, and why there may be more."""
    page = document[index]
    try:
        width, height = page.get_size()
        scale = min(_DPI / _POINTS, math.sqrt(PAGE_PIXELS / max(1, width * height)))
        if not gaze.fits(width * scale + _ROUNDED, height * scale + _ROUNDED):
            return "", TOO_LARGE
        bitmap = page.render(scale=scale, grayscale=True)
        return gaze.read(bytes(bitmap.buffer), width=bitmap.stride, height=bitmap.height)
    finally:
        page.close()


def _notes(page: pypdfium2.PdfPage) -> tuple[list[str], str]:
    """Return what the annotations of a page say (PDF 32000-1 section 12.5), and what they hide."""
    count = pdfium.FPDFPage_GetAnnotCount(page)
    said, reason = [], f"a page has more than {_NOTES} notes" if count > _NOTES else ""
    for index in range(min(count, _NOTES)):
        note = pdfium.FPDFPage_GetAnnot(page, index)
        if not note:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        if kind in {pdfium.FPDF_ANNOT_FILEATTACHMENT, pdfium.FPDF_ANNOT_RICHMEDIA}:
            reason = "a file is attached to a page"
        values = [_value(note, key) for key in (b"Contents", b"V", b"TU", b"DV")]
        said += [value for value in (*values, _target(page, note)) if value]
        if kind != pdfium.FPDF_ANNOT_LINK and not any(values):
            said.append("")  # it may be drawn all the same
        pdfium.FPDFPage_CloseAnnot(note)
    return said, reason


def _target(page: pypdfium2.PdfPage, note: object) -> str:
    """Return where a link leads (PDF 32000-1 section 12.6.4.7), "" when it is none or leads to another page."""
    link = pdfium.FPDFAnnot_GetLink(note)
    action = pdfium.FPDFLink_GetAction(link) if link else None
    if not action:
        return ""
    buffer = ctypes.create_string_buffer(_LINK_BYTES)
    size = pdfium.FPDFAction_GetURIPath(page.pdf, action, buffer, _LINK_BYTES)
    return buffer.raw[: max(0, min(size, _LINK_BYTES) - 1)].decode("utf-8", errors="replace")


def _value(note: object, key: bytes) -> str:
    buffer = (ctypes.c_ushort * (_NOTE_BYTES // 2))()
    size = pdfium.FPDFAnnot_GetStringValue(note, key, buffer, _NOTE_BYTES)
    return bytes(buffer)[: max(0, min(size, _NOTE_BYTES) - 2)].decode("utf-16-le", errors="replace") if size > 2 else ""


def _doubt(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> str:
    """Say what on a page a reader sees and a text layer does not tell; "" when there is nothing."""
    width, height = page.get_size()
    for count, picture in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=5)):
        left, bottom, right, top = picture.get_bounds()
        share = (right - left) * (top - bottom) / max(1, width * height)
        if share > _PICTURE_SHARE or count >= _PICTURES:
            return _SCAN if share > _SCAN_SHARE else _PICTURE
    letters = textpage.count_chars()
    asked = range(0, letters, letters // _SAMPLE + 1)
    meaningless = sum(pdfium.FPDFText_HasUnicodeMapError(textpage.raw, index) == 1 for index in asked)
    return _LETTERS if meaningless > _MEANINGLESS_SHARE * len(asked) else ""


def join_wraps(text: str) -> str:
    """Rejoin what a line wrap cut at a hyphen: "123-45-\\r\\n6789" is "123-45-6789"; the hyphen stays."""
    return _WRAPPED_HYPHEN.sub("-", text)
