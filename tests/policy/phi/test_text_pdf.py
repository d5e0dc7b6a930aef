"""PDF to text: pages, wrapped identifiers, and what cannot be read."""

import pytest

from policy.phi.text_pdf import Page, join_wraps, pdf_pages
from tests.policy.phi.messages import pdf


def _read(data: bytes, limit: int = 10_000) -> list[Page]:
    return list(pdf_pages(data, max_characters=limit))


def test_pages_are_read_in_order() -> None:
    """Each page has its number and its text."""
    pages = _read(pdf([["Patient: Whitney Barlow"], ["Impression: pneumonia"]]))
    assert [(page.number, page.reason) for page in pages] == [(1, ""), (2, "")]
    assert "Whitney Barlow" in pages[0].text
    assert "pneumonia" in pages[1].text


def test_an_identifier_that_wraps_is_whole() -> None:
    """`libraries.md`: "123-45-" and "6789" on two lines were found in 25 of 713 cases before joining."""
    (page,) = _read(pdf([["SSN 412-55-", "7812 on file"]]))
    assert "412-55-7812" in page.text


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("412-55-\r\n7812", "412-55-7812"),
        ("412-55-\n  7812", "412-55-7812"),
        ("well-\ufffeknown", "well-known"),
        ("a -\nb", "a -\nb"),
        ("list:\n- one\n- two", "list:\n- one\n- two"),
    ],
)
def test_wraps(text: str, joined: str) -> None:
    """Only a hyphen between two word characters joins."""
    assert join_wraps(text) == joined


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdf([[]]), "no text layer"),
        (pdf([["x"], []]), "no text layer"),
        (b"%PDF-1.7\nnothing", "damaged"),
        (b"", "damaged"),
        (pdf([["x" * 60] * 30]), "more text than is read"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    """AB-02, AB-05: an image-only page, a broken file and too much text are reasons, not silence."""
    assert any(reason in page.reason for page in _read(data, 500))


def test_a_broken_page_tree_ends() -> None:
    """AB-05: a page tree that points at itself does not loop."""
    data = pdf([["x"]]).replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]")
    assert all(isinstance(page, Page) for page in _read(data))


NOTE = "Patient: Maria Delgado has HIV"
_PAGE = b"/Type /Page "
_CATALOG = b"/Type /Catalog "


def _with(place: bytes, more: str) -> bytes:
    return pdf([["hello"]]).replace(place, place + more.encode("latin-1"))  # PDFium mends the offsets


def _with_stamp(line: str) -> bytes:
    """Return a PDF with a note that is drawn and says nothing else."""
    drawing = f"BT /F1 11 Tf 9 9 Td ({line}) Tj ET"
    form = (
        "9 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 400 50] /Resources << /Font << /F1 3 0 R >> >>"
        f" /Length {len(drawing)} >>\nstream\n{drawing}\nendstream\nendobj\nxref\n"
    )
    note = "/Annots [<< /Type /Annot /Subtype /Stamp /F 4 /Rect [9 9 409 59] /AP << /N 9 0 R >> >>] "
    return _with(_PAGE, note).replace(b"xref\n", form.encode(), 1)


@pytest.mark.parametrize(
    "data",
    [
        _with_stamp(NOTE),
        _with(_PAGE, f"/Annots [<< /Type /Annot /Subtype /Text /Rect [1 1 9 9] /Contents ({NOTE}) >>] "),
        _with(_PAGE, f"/Annots [<< /Type /Annot /Subtype /FreeText /Rect [1 1 9 9] /Contents ({NOTE}) >>] "),
        _with(_PAGE, f"/Annots [<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [1 1 9 9] /V ({NOTE}) >>] "),
        _with(_CATALOG, "/Outlines 3 0 R ").replace(b"/Type /Font", f"/First 3 0 R /Title ({NOTE})".encode()),
        pdf([["hello"]])
        .replace(b"/Type /Font", f"/Title ({NOTE})".encode())
        .replace(b"trailer\n<< ", b"trailer\n<< /Info 3 0 R "),
    ],
)
def test_what_stands_beside_the_text_is_read(data: bytes) -> None:
    """AB-03, MP-14: notes, form fields, bookmarks and titles speak as loudly as pages."""
    assert any(NOTE in page.text for page in _read(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_with(_CATALOG, "/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (1) >>] >> >> "), "scripts"),
        (
            _with(_CATALOG, "/Names << /EmbeddedFiles << /Names [(a) << /Type /Filespec /F (a) >>] >> >> "),
            "attached to the PDF",
        ),
        (_with(_PAGE, "/Annots [<< /Type /Annot /Subtype /FileAttachment /Rect [1 1 9 9] >>] "), "attached to a page"),
        (
            pdf([["hello) Tj ET 500 0 0 500 9 9 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI BT (x"]]),
            "shows a picture",
        ),
    ],
)
def test_what_shows_without_text_says_why(data: bytes, reason: str) -> None:
    """AB-03, invariant 5: scripts, attached files and a scan with a line of text are not clean."""
    assert any(reason in page.reason for page in _read(data))
