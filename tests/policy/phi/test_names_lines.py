"""Which lines without capitals are read word by word: every one that holds a name, and few others."""

import pytest

from policy.phi.data.load import vocabulary
from policy.phi.names import find_names
from policy.phi.names_lines import lower_case_lines, may_name


@pytest.mark.parametrize(
    "line",
    [
        "saw maria delgado today",
        "(maria delgado)",
        "call (delgado, maria)!",
        "x/maria delgado's labs",
        "josé called: maria delgado came",
        "4 maria delgado 4",
        "an-maria maria delgado",
    ],
)
def test_a_line_with_a_name_is_read(line: str) -> None:
    assert may_name(line, vocabulary())
    assert find_names(line, vocabulary())


@pytest.mark.parametrize(
    "line", ["the sample was sent to the laboratory", "we may do so in the long run", "1234567 -- 8"]
)
def test_everyday_words_name_nobody(line: str) -> None:
    assert not may_name(line, vocabulary())


def test_lines() -> None:
    """Too short, too long, with a capital, without a letter."""
    text = f"short\nlong enough\nWith Capital\n12345678 9\nété à la plage\n{'x' * 601}\nthe last one"
    assert [(text[start : start + 4], line) for start, line in lower_case_lines(text)] == [
        ("long", "long enough"),
        ("été ", "été à la plage"),
        ("the ", "the last one"),
    ]
