"""The readable text of one place in a message, as the extractors hand it to the detectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Text:
    """Normalised text (lines end with one line feed) and its place; `place.line` counts the lines before it."""

    place: Place
    source: Source
    content: str

    def __repr__(self) -> str:
        return f"Text({self.place}, {len(self.content)} characters)"

    def line_at(self, offset: int) -> int:
        """Return the line of a character, from 1; 0 in single-line sources (subject, file name)."""
        return self.place.line + self.content.count("\n", 0, offset) + 1 if self.source in _LINED else 0

    def place_at(self, offset: int) -> Place:
        """Return the place of a character."""
        return Place(part=self.place.part, name=self.place.name, page=self.place.page, line=self.line_at(offset))

    @property
    def whole(self) -> Place:
        """The place of the text that this one may be a piece of."""
        return Place(part=self.place.part, name=self.place.name, page=self.place.page)

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
            piece = self.content[start:end]
            yield self._piece(piece, lines)
            start, lines = end, lines + piece.count("\n")
        yield self._piece(self.content[start:], lines)

    def _piece(self, content: str, lines: int) -> "Text":
        place = Place(part=self.place.part, name=self.place.name, page=self.place.page, line=lines)
        return Text(place, self.source, content)
