"""A PDF chooses the tables by which its letters are read; none of them may be a program.

The attack is that on pdfminer (CVE-2025-64512): the name of a CMap (PDF 32000-1 section 9.7.5) is taken for the path of
a compressed pickle, and what is read from there runs.
"""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from policy.phi.classify import classify_message
from policy.phi.text_pdf import pdf_pages
from tests.policy.phi.messages import attachment, multipart, pdf, text_part

_SIMPLE = b"/Type /Font /Subtype /Type1 /BaseFont /Helvetica"


class _Payload:
    """Unpickled, it makes a folder."""

    def __init__(self, made: Path) -> None:
        self._made = str(made)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self._made,)


def _escaped(path: Path) -> bytes:
    """The path as a name of PDF: what is no letter or digit by its code (PDF 32000-1 section 7.3.5)."""
    return b"".join(b"%c" % byte if chr(byte).isalnum() else b"#%02x" % byte for byte in os.fsencode(path))


def _in_font(name: bytes) -> bytes:
    """The name is the encoding of the only font."""
    font = (
        b"/Type /Font /Subtype /Type0 /BaseFont /Helvetica /Encoding /%s /DescendantFonts [<< /Type /Font"
        b" /Subtype /CIDFontType2 /BaseFont /Helvetica /CIDSystemInfo << /Registry (Adobe) /Ordering (%s)"
        b" /Supplement 0 >> >>]" % (name, name.replace(b"#2f", b"/"))
    )
    return pdf([["Patient: Maria Delgado, potassium 6.1"]]).replace(_SIMPLE, font)


def _in_table(name: bytes) -> bytes:
    """The name stands in the font's own table, which is to be built upon it (section 9.7.5.4)."""
    table = b"/%s usecmap 1 begincodespacerange <00> <ff> endcodespacerange" % name
    font = _SIMPLE + b" /ToUnicode 9 0 R"
    stream = b"9 0 obj\n<< /Type /CMap /CMapName /%s /UseCMap /%s /Length %d >>\nstream\n%s\nendstream\nendobj\nxref\n"
    whole = pdf([["Patient: Maria Delgado, potassium 6.1"]]).replace(_SIMPLE, font)
    return whole.replace(b"xref\n", stream % (name, name, len(table), table), 1)


@pytest.mark.parametrize("make", [_in_font, _in_table])
def test_a_cmap_that_is_a_pickle_does_not_run(make: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """AB-06: no code of the PDF's choice runs, and what cannot be read for want of the table is told."""
    bait, made = tmp_path / "cmap", tmp_path / "made"
    packed = pickle.dumps(_Payload(made))
    bait.with_suffix(".pickle.gz").write_bytes(gzip.compress(packed))
    bait.write_bytes(packed)
    data = make(_escaped(bait))
    pages = list(pdf_pages(data, max_characters=10_000))
    assert not made.exists()
    assert any("Maria Delgado" in page.text or page.reason for page in pages)
    file = attachment(data, kind="application/pdf", name="a.pdf")
    assert classify_message(multipart([text_part("see file"), file])).protected
    pickle.loads(packed)  # noqa: S301 - our own; the bait is not dead: whoever loads it runs it
    assert made.is_dir()
