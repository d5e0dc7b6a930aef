"""The readable text of one place in a message, as the extractors hand it to the detectors."""

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto

from policy.phi.report import Place


class Source(Enum):
    """Where a text comes from: it decides which roles names in it may play."""

    SUBJECT = auto()
    HEADER = auto()
    FILE_NAME = auto()
    BODY = auto()
    ATTACHMENT = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """Normalised text (lines end with one line feed) and its place; `place.line` is 0, lines are found by offset."""

    place: Place
    source: Source
    content: str
    _line_starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts, at = [0], self.content.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.content.find("\n", at + 1)
        object.__setattr__(self, "_line_starts", tuple(starts))

    def __repr__(self) -> str:
        return f"Text({self.place}, {len(self.content)} characters)"

    def place_at(self, offset: int) -> Place:
        """Return the place of a character; single-line sources (subject, file name) carry no line."""
        line = bisect_right(self._line_starts, offset) if self.source in {Source.BODY, Source.ATTACHMENT} else 0
        return Place(part=self.place.part, name=self.place.name, page=self.place.page, line=line)
