"""An anchored pattern finds what the bare one finds, in the same places."""

import re

import pytest

from policy.phi.anchored import DIGITS, Anchored

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
    found = [match.span() for match in Anchored(PATTERN, "mrn", "med").finditer(text)]
    assert found == [match.span() for match in re.finditer(PATTERN, text)]


@pytest.mark.parametrize("text", ["", "12-3", "1 22 333-4", "a12-3", "1212-31-2", "٣-٣ 12-1"])
def test_digits(text: str) -> None:
    pattern = r"(?<!\w)\d{1,3}-\d"
    found = [match.span() for match in Anchored(pattern, at=DIGITS).finditer(text)]
    assert found == [match.span() for match in re.finditer(pattern, text)]
