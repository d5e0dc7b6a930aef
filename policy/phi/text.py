"""The readable text of one place in a message, as the extractors hand it to the detectors."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from policy.phi.grid import Grid
from policy.phi.report import Place


class Source(Enum):
    """Where a text comes from: it decides which roles names in it may play."""

    SUBJECT = auto()
    HEADER = auto()  # addresses with their display names
    FIELD = auto()  # every other header field that people may write
    FILE_NAME = auto()
    BODY = auto()
    ATTACHMENT = auto()


_LINED: Final = (Source.BODY, Source.ATTACHMENT)
_LINE_END: Final = re.compile("\n")
_SHORT: Final = 4_000  # characters that are counted anew for each place


@dataclass(frozen=True, slots=True)
class Text:
    """Normalised text (lines end with one line feed) and its place; `place.line` counts the lines before it.

    lined: the text of the same length with all of its line ends, "" when `content` has them. grid: of a sheet, which
    cell stands where. before: how much of its first line is not in it. is_unseen: readers do not see all of it.
    """

    place: Place
    source: Source
    content: str
    lined: str = ""
    grid: Grid | None = None
    before: int = 0
    is_unseen: bool = False

    def __repr__(self) -> str:
        return f"Text({self.place}, {len(self.content)} characters)"

    def line_at(self, offset: int) -> int:
        """Return the line of a character, from 1; 0 in single-line sources (subject, file name)."""
        if self.source not in _LINED:
            return 0
        lined = self.lined or self.content
        if len(lined) < _SHORT:
            return self.place.line + lined.count("\n", 0, offset) + 1
        return self.place.line + bisect_left(_line_ends(lined), offset) + 1

    def place_at(self, offset: int) -> Place:
        """Return the place of a character."""
        line = self.line_at(offset)
        if self.grid is not None and line:
            start = (self.lined or self.content).rfind("\n", 0, offset) + 1
            cell = self.grid.cell_at(line, offset - start + (0 if start else self.before))
            if cell:
                return self.place.at(cell=cell)
        return self.place.at(line=line, cell=self.place.cell)

    @property
    def whole(self) -> Place:
        """The place of the text that this one may be a piece of."""
        return self.place.at(cell=self.place.cell)

    def joined(self, join: Callable[[str], str]) -> "Text":
        """Return the text with line ends taken out by a function that keeps its length; lines are told as before."""
        return replace(self, content=join(self.content), lined=self.content)

    def pieces(self, longest: int) -> Iterator["Text"]:
        """Yield the text in pieces of at most so many characters, cut at line ends where there are any."""
        if len(self.content) <= longest:
            yield self
            return
        start, lines = 0, self.place.line
        while len(self.content) - start > longest:
            end = self.content.rfind("\n", start, start + longest) + 1 or (
                self.content.rfind(" ", start, start + longest) + 1 or start + longest
            )
            yield self._piece(start, end, lines)
            lines += (self.lined or self.content).count("\n", start, end)
            start = end
        yield self._piece(start, len(self.content), lines)

    def _piece(self, start: int, end: int, lines: int) -> "Text":
        return replace(
            self,
            place=replace(self.place, line=lines),
            content=self.content[start:end],
            lined=self.lined[start:end],
            before=start - (self.lined or self.content).rfind("\n", 0, start) - 1,
        )


@lru_cache(maxsize=1)
def _line_ends(text: str) -> Sequence[int]:
    return [end.start() for end in _LINE_END.finditer(text)]
