"""Regular expressions that are tried only where they can begin, which gives the same matches (see `view`)."""

import re
from collections.abc import Iterator
from typing import Final

from policy.phi.view import View

AT_NUMBER: Final = 0
BEFORE_NUMBER: Final = -1


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
        self._number = number

    def finditer(self, view: View) -> Iterator[re.Match[str]]:
        """As `re.Pattern.finditer`: in order, without overlap."""
        starts = [start for word in self.words for start in view.words.get(word, ())]
        if self._number is not None:
            starts += [start + self._number for start in view.numbers]
        if not starts:
            return
        text = view.text if self.is_cased else view.lower
        starts.sort()
        end, match_at = 0, self._pattern.match
        for start in starts:
            if start >= end and (match := match_at(text, start)):
                end = match.end()
                yield match
