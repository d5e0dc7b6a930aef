"""Shapes of an organisation's record numbers: what they find, and that none of them can go exponential (AB-08)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.custom.shapes import MOST, ShapeError, Shapes, parse_shape
from policy.phi.look import look
from policy.phi.mention import Role
from policy.phi.normalise import normalise
from tests.cost import growth


@pytest.mark.parametrize(
    ("shape", "text", "found"),
    [
        (r"LK-\d{7}", "seen LK-0012345, thanks", ["LK-0012345"]),
        (r"LK-\d{7}", "seen lk-0012345", ["lk-0012345"]),
        (r"LK-\d{7}", "seen LK\u20110012345 and LK-00\u200b12345", ["LK-0012345", "LK-0012345"]),
        (r"LK-\d{7}", "xLK-0012345 LK-00123456 LK-001234", []),
        (r"[A-Z]{2}\d{6,8}[A-Z]?", "AB123456 ab12345678x AB12345", ["AB123456", "ab12345678x"]),
        (r"\d{3}\.\d{3}", "123.456 1234.56", ["123.456"]),
        (r"P[12]/\d{4}", "P1/0001 P3/0001", ["P1/0001"]),
        (r"[A-Z_-]{2}\d{4}", "_-1234 _A1234", ["_-1234", "_A1234"]),
    ],
)
def test_what_fits(shape: str, text: str, found: list[str]) -> None:
    """Whole words only, letters in either case, after Unicode was folded."""
    assert [mention.value for mention in Shapes([shape]).find(look(normalise(text)))] == found


def test_digits_alone_count_for_less() -> None:
    """Any order number is seven digits; a letter makes it this organisation's."""
    sure, any_number = Shapes([r"LK\d{5}", r"\d{7}"]).find(look("LK00123 and 0012345"))
    assert (sure.role, any_number.role) == (Role.PATIENT, Role.UNKNOWN)
    assert sure.strength > any_number.strength


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (r"(\d+)+", 'column 1: "("'),
        (r"\d+", 'column 3: "+"'),
        (r"\d*x", 'column 3: "*"'),
        (r"LK|MK", 'column 3: "|"'),
        (r"LK.\d{7}", 'column 3: "." would be any character'),
        (r"^LK\d{7}$", 'column 1: "^"'),
        (r"\w{7}", "column 1: is not known"),
        ("LK\\", "column 3: is not known"),
        (r"LK\d{7", "column 5: is no number of times"),
        (r"LK\d{8,7}", "column 5: is no number of times"),
        (r"LK\d{0}", "column 5: is no number of times"),
        (r"[A-Z", "column 1: is a class without an end"),
        (r"[]x", "column 1: is a class without an end"),
        (r"[^A]\d{5}", 'column 2: "^" cannot stand in a class'),
        (r"[Z-A]\d{5}", "column 2: is no range"),
        (r"[A-z]\d{5}", "column 2: is no range"),
        (r"\d{3,9}\d{4}", "column 8: takes the same characters"),
        (r"\d?\d?\d{4}", "column 4: takes the same characters"),
        (r"\d{1,9}-?[0-9a]{4}", "column 10: takes the same characters"),
        (r"A?[a-c]\d{5}", "column 3: takes the same characters"),  # capital letters are small ones
        (r"\d{60}LK\d{7}", "column 1: fits more than 64"),
        (r"\d{3}", "column 1: fits less than 4"),
        (r"[A-Z]{6}", "column 1: needs 3 digits"),
        ("", "column 1: fits less"),
        ("L" * 101, "column 101: is longer"),
        (r"LKß\d{5}", 'column 3: "ß"'),
    ],
)
def test_what_is_refused(shape: str, why: str) -> None:
    """Everything that could fit one text in two ways, anything, or more than a line shows: with its column."""
    with pytest.raises(ShapeError) as error:
        parse_shape(shape)
    assert str(error.value).startswith(why)


@given(st.lists(st.sampled_from([r"\d", "[a-f]", "[0-9a]", "L", "-", "?", "{1,9}", "{3}", "{0,4}"]), max_size=12))
def test_a_shape_that_passes_is_tried_once(parts: list[str]) -> None:
    """Invariant: a shape that is accepted takes what a greedy reading of it takes, so nothing is ever given back."""
    shape = "".join(parts)
    try:
        pieces = parse_shape(shape)
    except ShapeError:
        return
    longest = "".join(min(piece.characters) * piece.high for piece in pieces)
    shortest = "".join(min(piece.characters) * piece.low for piece in pieces)
    for text in (longest, shortest):
        if text[0].isalnum() and text[-1].isalnum():
            assert [mention.value for mention in Shapes([shape]).find(look(text))] == [text]


@pytest.mark.slow
def test_the_worst_text_is_linear() -> None:
    """AB-08: twice the text costs about twice, with all the shapes that may be, and letters that nearly fit."""
    shapes = Shapes([rf"[a-f]{{1,20}}-?\d{{1,20}}-?[x-z]{{1,9}}{number % 10}\d{{3}}" for number in range(MOST)])

    some, much = (look(f"{'abcdef' * 3}-{'1' * 19}-xyz " * (size // 42)) for size in (200_000, 800_000))
    assert list(shapes.find(much)) == []
    assert growth(lambda: list(shapes.find(some)), lambda: list(shapes.find(much)), under=6) < 6
