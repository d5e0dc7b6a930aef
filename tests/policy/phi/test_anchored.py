"""An anchored pattern finds what the bare one finds, in the same places."""

import re

import pytest

from policy.phi.anchored import AT_NUMBER, BEFORE_NUMBER, Anchored
from policy.phi.view import Literals

PATTERN = r"\b(?:mrn|med rec)[ :]{0,3}(\d{2,9})\b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mrn 12",
        "xmrn 12 mrn 13",
        "mrn mrn 14",
        "med rec:15mrn16",
        "med mrn12 med rec 17",
        "mrnmrn",
        "mrn 1 mrn 22 ",
    ],
)
def test_words(text: str) -> None:
    anchored = Anchored(PATTERN, "mrn", "med")
    found = [match.span() for match in anchored.finditer(Literals(anchored.words).view(text))]
    assert found == [match.span() for match in re.finditer(PATTERN, text)]


@pytest.mark.parametrize("text", ["", "12-3", "1 22 333-4", "a12-3", "1212-31-2", "12-1-3 4-5"])
def test_numbers(text: str) -> None:
    pattern = r"(?<!\w)\d{1,3}-\d"
    found = [match.span() for match in Anchored(pattern, number=AT_NUMBER).finditer(Literals("x").view(text))]
    assert found == [match.span() for match in re.finditer(pattern, text)]


@pytest.mark.parametrize("text", ["", "1", "E11.9", "e11.9 E1", "xE11.9 1E11.9 E11.E12.0"])
def test_before_numbers_and_as_written(text: str) -> None:
    pattern = r"\b[A-Z]\d\d\.\d"
    anchored = Anchored(pattern, number=BEFORE_NUMBER, is_cased=True)
    found = [match.span() for match in anchored.finditer(Literals("x").view(text))]
    assert found == [match.span() for match in re.finditer(pattern, text)]


def test_view_keeps_offsets() -> None:
    """A letter that grows in lower case does not shift what stands behind it; words inside words are found."""
    view = Literals({"you ", "your", "ur"}).view("İ Your 12 you 3")
    assert len(view.lower) == len(view.text)
    assert view.words == {"your": [2], "ur": [4], "you ": [10]}
    assert view.numbers == [7, 14]
    assert "you" not in repr(view)


@pytest.mark.parametrize("text", ["", "1-1", "1-2", "7:7 7;8 7:8", "12 1-1 9:9", "a1-1"])
def test_patterns_that_begin_with_a_number_are_asked_together(text: str) -> None:
    """Names of groups, and what refers back to them, stay those of each pattern."""
    dashes, colons = r"\b(?P<value>\d)-(?P=value)\b", r"\b(?P<value>\d)[:;](?P<more>(?P=value))\b"
    both = [Anchored(pattern, number=AT_NUMBER) for pattern in (dashes, colons)]
    view = Literals("x").view(text)
    for anchored in both:
        found = [(match.span(), match["value"]) for match in anchored.finditer(view)]
        assert found == [(match.span(), match["value"]) for match in re.finditer(anchored.expression, text)]
