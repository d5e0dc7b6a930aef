"""Text of PDF pages through PDFium. It runs in an inspector process only: PDFium is native code on hostile input."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pypdfium2

PAGES: Final = 500
_WRAPPED_HYPHEN: Final = re.compile(r"(?<=\w)-(?:\r?\n|\ufffe|\u0002)\s{0,20}(?=\w)")
_NO_TEXT: Final = "a page has no text layer"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: number counted from 1, its text, and why it could not be read ("" if it could)."""

    number: int
    text: str
    reason: str = ""


def pdf_pages(data: bytes, *, max_characters: int) -> Iterator[Page]:
    """Yield the pages of a PDF. Never raises: what PDFium refuses is one page, number 0, with the reason.

    max_characters: text wanted at most; a page that would pass it is yielded empty with the reason, as the last.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as refused:
        encrypted = "password" in str(refused).lower() or "security" in str(refused).lower()
        yield Page(0, "", "the PDF is encrypted" if encrypted else "the PDF is damaged")
        return
    try:
        yield from _pages(document, max_characters)
    finally:
        document.close()


def _pages(document: pypdfium2.PdfDocument, left: int) -> Iterator[Page]:
    for number in range(1, len(document) + 1):
        if number > PAGES:
            yield Page(number, "", f"the PDF has more than {PAGES} pages")
            return
        try:
            text = _page_text(document, number - 1)
        except pypdfium2.PdfiumError:
            yield Page(number, "", "a page of the PDF is damaged")
            continue
        if len(text) > left:
            yield Page(number, "", "the PDF holds more text than is read")
            return
        left -= len(text)
        yield Page(number, text, "" if text.strip() else _NO_TEXT)


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str:
    page = document[index]
    textpage = page.get_textpage()
    try:
        return join_wraps(textpage.get_text_range())
    finally:
        textpage.close()
        page.close()


def join_wraps(text: str) -> str:
    """Rejoin what a line wrap cut at a hyphen: "123-45-\\r\\n6789" is "123-45-6789"; the hyphen stays."""
    return _WRAPPED_HYPHEN.sub("-", text)
