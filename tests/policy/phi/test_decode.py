"""Transfer encodings and charsets, read in every way a reader's program might (MP-02, MP-03, MP-04, MP-09)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.decode import charset_decode, transfer_decode

SECRET = b"SSN 412-55-7812"
ENCODED = base64.b64encode(SECRET)


@pytest.mark.parametrize(
    "value", ["base64 ", " base64", '"base64"', "base64 (c)", "base64;", "\r\n base64", "BASE64", "base64; x=y"]
)
def test_decorated_base64_is_still_decoded(value: str) -> None:
    """MP-02: what some programs take for base64 is read as base64."""
    views, _ = transfer_decode(ENCODED, (value,))
    assert SECRET in views


@pytest.mark.parametrize("value", ['"base64"', "base64 (c)", "base64;", "x-uue", "base-64"])
def test_what_is_not_one_known_word_is_doubted(value: str) -> None:
    """MP-02: programs differ here, so no reading is trusted."""
    views, doubt = transfer_decode(ENCODED, (value,))
    assert doubt
    assert ENCODED in views


def test_two_encodings_are_both_tried() -> None:
    """MP-01: which of two fields counts depends on the program."""
    views, doubt = transfer_decode(ENCODED, ("7bit", "base64"))
    assert doubt
    assert {SECRET, ENCODED} <= set(views)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (ENCODED[:8] + b"!" + ENCODED[8:], "a junk character"),
        (base64.b64encode(SECRET[:10]) + base64.b64encode(SECRET[10:]), "padding inside"),
        (ENCODED.rstrip(b"="), "no padding"),
        (ENCODED + b"\r\n\r\n--\r\nsent from my phone", "text after the end"),
        (ENCODED + b"A", "a length of one more than a multiple of four"),
        (b"\r\n".join(ENCODED[at : at + 4] for at in range(0, len(ENCODED), 4)), "short lines"),
    ],
)
def test_broken_base64_is_read_as_far_as_any_program_reads(body: bytes, why: str) -> None:
    """MP-03: the strict and the maximal reading are both there."""
    views, _ = transfer_decode(body, ("base64",))
    assert any(SECRET in view for view in views), why


def test_url_safe_base64_is_read() -> None:
    """MP-03: some programs accept the URL-safe alphabet."""
    data = b"\xfb\xff\xbe 412-55-7812"
    views, _ = transfer_decode(base64.urlsafe_b64encode(data), ("base64",))
    assert data in views


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"SSN 412=2D55=2D7812", SECRET),
        (b"SSN 412=2d55=2d7812", SECRET),
        (b"SSN 412-55-=\r\n7812", SECRET),
        (b"SSN 412-55-= \r\n7812", SECRET),
        (b"SSN 412-55-7812 =ZZ", b"SSN 412-55-7812 =ZZ"),
        (b"SSN 412-55-7812=", SECRET),
    ],
)
def test_quoted_printable_in_odd_shapes(body: bytes, wanted: bytes) -> None:
    """MP-04: soft breaks, lower-case hex, blanks after "=", and no escape at all."""
    assert wanted in transfer_decode(body, ("quoted-printable",))[0]


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("Müller 412-55-7812".encode("utf-16"), "utf-16"),
        ("Müller 412-55-7812".encode("utf-16-le"), "utf-8"),
        ("Müller 412-55-7812".encode("latin-1"), "utf-8"),
        ("Müller 412-55-7812".encode(), "us-ascii"),
        ("Müller 412-55-7812".encode(), ""),
        ("Müller 412-55-7812".encode("utf-7"), "utf-7"),
        ("Müller 412-55-7812".encode("cp1252"), "klingon"),
    ],
)
def test_charsets_and_lies_about_them(data: bytes, charset: str) -> None:
    """MP-09: declared, sniffed and fallback readings are all there."""
    views, _ = charset_decode(data, charset)
    assert any("Müller 412-55-7812" in view for view in views)


@pytest.mark.parametrize(
    "charset", ["klingon", "base64", "zlib", "rot13", "idna", "unicode_escape", "\x00", "../utf-8"]
)
def test_unknown_charsets_are_doubted(charset: str) -> None:
    """MP-09: unknown means protected; codecs of Python that are no charset count as unknown, with an empty body too."""
    assert charset_decode(b"hello", charset)[1]
    assert charset_decode(b"", charset)[1]


def test_seven_bit_tricks_are_read_as_they_stand_too() -> None:
    """MP-09: text in a shifting charset is also read as the ASCII that a simpler program shows."""
    views, _ = charset_decode(b"+AEE-bc 412-55-7812", "utf-7")
    assert "+AEE-bc 412-55-7812" in views


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=3), st.text(max_size=20))
def test_decoding_never_raises(body: bytes, encodings: list[str], charset: str) -> None:
    """MP-19: any bytes under any labels give at least one reading."""
    views, _ = transfer_decode(body, tuple(encodings))
    assert views
    for view in views:
        assert charset_decode(view, charset)[0]
