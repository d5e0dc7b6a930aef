r"""RTF: every destination that says something is read, escapes are what they stand for, pictures are told."""

import time

import pytest

from policy.phi.classify import classify_message
from policy.phi.files.found import Budget
from tests.policy.phi.files.make import NUMBER, read, reasons, words
from tests.policy.phi.messages import PHI_SENTENCE, attachment, multipart, text_part


def rtf(body: str) -> bytes:
    r"""Return a document; its fonts: f0 Western, f1 Cyrillic, f2 Japanese."""
    fonts = r"{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 Mincho;}}"
    looks = r"{\colortbl;\red0\green0\blue0;}{\stylesheet{\s0 Normal;}}{\*\generator Nobody 1.0;}"
    return (r"{\rtf1\ansi\ansicpg1252\deff0" + fonts + looks + body + "}").encode("latin-1")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (r"SSN 412-{\b 55}-78{\i\fs20 12} on file\par", f"SSN {NUMBER} on file"),
        (r"SSN 412\_55\_78\-12\par", f"SSN {NUMBER}"),
        ("SSN 412-\r\n55-\n7812\\par", f"SSN {NUMBER}"),
        (r"SSN \u52?\u49?\u50?-55-7812\par", f"SSN {NUMBER}"),
        (r"SSN {\uc2 \u52 44\u49 11}2-55-7812\par", f"SSN {NUMBER}"),
        (r"SSN \'34\'31\'32-55-7812\par", f"SSN {NUMBER}"),
        (r"M\'fcller\par", "Müller"),
        (r"{\f1 \'c8\'e2\'e0\'ed}\par", "Иван"),
        (r"{\f2 \'8e\'52\'93\'63}\par", "山田"),
        (r"\u-10179?\u-9062? x\par", "\U0001f49a x"),
        (r"{\header SSN 412-55-7812\par}body\par", f"SSN {NUMBER}"),
        (r"{\footerf SSN 412-55-7812\par}body\par", f"SSN {NUMBER}"),
        (r"be{\footnote SSN 412-55-7812}fore\par", f"SSN {NUMBER}"),
        (r"be{\footnote SSN 412-55-7812}fore\par", "before"),
        (r"412{\*\bkmkstart a}-55{\*\bkmkend a}-7812\par", NUMBER),
        (r"{\*\annotation SSN 412-55-7812}x\par", f"SSN {NUMBER}"),
        (r"{\field{\*\fldinst HYPERLINK mailto:ann@x.example}{\fldrslt Ann Lee}}\par",
         "HYPERLINK mailto:ann@x.example"),
        (r"{\v SSN 412-55-7812}\par", f"SSN {NUMBER}"),
        (r"{\shp{\*\shpinst{\shptxt SSN 412-55-7812\par}}}x\par", f"SSN {NUMBER}"),
        (r"{\info{\title Chart of Ann Lee}}x\par", "Chart of Ann Lee"),
        (r"{\*\unheardof SSN 412-55-7812}x\par", f"SSN {NUMBER}"),
        (r"\trowd\intbl Patient\cell MRN\cell\row\trowd\intbl Ann\par Lee\cell 0044{\b 8812}\cell\row\pard x\par",
         "Patient: Ann Lee; MRN: 00448812"),
        (r"SSN 412-55-7812", f"SSN {NUMBER}"),
        (r"}SSN 412-55-7812", f"SSN {NUMBER}"),
    ],
    ids=lambda value: value if value.isascii() and value.isprintable() else "text",
)  # fmt: skip
def test_what_it_says_is_read(body: str, line: str) -> None:
    """MP-13, MP-14: headers, footers, notes and hidden text; escapes by their code page; runs are one line."""
    found = read(rtf(body), name="application/msword")
    assert line in words(found).split("\n")
    assert reasons(found) == []
    assert "Arial" not in words(found)
    assert "Nobody" not in words(found)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (r"SSN 412-55-7812{\pict\pngblip 89504e47}\par", "(an image)"),
        (r"SSN 412-55-7812{\object\objemb{\*\objdata 0105}{\result x}}\par", "(an embedded object)"),
        (r"SSN 412-55-7812\par\bin4 {{{{", "binary data"),
        (r"SSN 412-55-7812\par" + "{" * 2000, "more than is looked at"),
    ],
)
def test_what_shows_without_text_is_told(body: str, reason: str) -> None:
    """AB-03, invariant 5: text is read, and what stands beside it unread is said; binary data does not move braces."""
    found = read(rtf(body))
    assert NUMBER in words(found)
    assert any(reason in said for said in reasons(found))


def test_a_document_without_end_ends() -> None:
    """AB-01: tokens are counted over all parts; pictures cost little."""
    budget = Budget(characters=1_000, elements=500)
    assert "the document is more than is looked at" in reasons(read(rtf(r"\b" * 2_000), budget=budget))
    started = time.process_time()
    read(rtf(r"{\pict " + ("0123456789abcdef" * 8 + "\r\n") * 40_000 + "}"))
    assert time.process_time() - started < 1


def test_message_with_rich_text() -> None:
    """AB-03: by its content, whatever its name says."""
    message = multipart([text_part("see file"), attachment(rtf(PHI_SENTENCE + r"\par"), kind="application/msword")])
    report = classify_message(message)
    assert report.phi
    assert report.uninspectable == ()
