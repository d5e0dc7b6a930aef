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
