"""Regular expressions that are tried only where they can begin, which gives the same matches (see `view`).

How this works: a dozen patterns can begin with a number, and most numbers begin none. So all of them are one expression
as well, and where that finds nothing, none of them is tried.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from policy.phi.view import View

AT_NUMBER: Final = 0
BEFORE_NUMBER: Final = -1
_AT_NUMBERS: Final[dict[tuple[bool, int], list[str]]] = {}  # patterns by whether they are cased, and the offset
_GROUP: Final = re.compile(r"\(\?P(=|<)(\w+)")


class Anchored:
    """A pattern with all that it can begin with.

    words: literal beginnings in lower case; a longer one that begins with another is not needed. number: AT_NUMBER
    when it can begin with the first digit of a number, BEFORE_NUMBER when it can begin one character before.
    is_cased: whether it is matched against the text as written, instead of in lower case.
    """

    def __init__(self, pattern: str, *words: str, number: int | None = None, is_cased: bool = False) -> None:
        self.words: Final = words
        self.expression: Final = pattern
        self.is_cased: Final = is_cased
        self._pattern = re.compile(pattern)
        self._number = None if number is None else (is_cased, number)
        if self._number is not None:
            _AT_NUMBERS.setdefault(self._number, []).append(pattern)

    def finditer(self, view: View) -> Iterator[re.Match[str]]:
        """As `re.Pattern.finditer`: in order, without overlap."""
        starts = [start for word in self.words for start in view.words.get(word, ())]
        if self._number is not None:
            starts += _at_numbers(view, self._number)
        if not starts:
            return
        text = view.text if self.is_cased else view.lower
        starts.sort()
        end, match_at = 0, self._pattern.match
        for start in starts:
            if start >= end and (match := match_at(text, start)):
                end = match.end()
                yield match


def _at_numbers(view: View, kind: tuple[bool, int]) -> Sequence[int]:
    """Return where any of the patterns of a kind matches."""
    found = view.at_numbers.get(kind)
    if found is None:
        is_cased, offset = kind
        text = view.text if is_cased else view.lower
        match_at = _any_of(kind, len(_AT_NUMBERS[kind])).match
        found = view.at_numbers[kind] = [at + offset for at in view.numbers if match_at(text, at + offset)]
    return found


@lru_cache(maxsize=64)
def _any_of(kind: tuple[bool, int], _count: int) -> re.Pattern[str]:
    """Return the patterns of a kind as one. _count: how many there are, for more come with each module."""
    named = (_GROUP.sub(rf"(?P\1n{index}_\2", one) for index, one in enumerate(_AT_NUMBERS[kind]))
    return re.compile("|".join(f"(?:{one})" for one in named))
