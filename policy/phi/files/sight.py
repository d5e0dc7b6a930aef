"""Reading pictures: what a program for it must do, what it may cost, and when its words are believed.

The program itself is the caller's (`gateway.inspect.tesseract`): here is none, and without one a picture is unreadable.
What it is unsure of keeps the picture unreadable, for handwriting, a bad fax and a face look alike to it: as few words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from policy.phi.files.found import Budget

PAGE_PIXELS: Final = 4_500_000  # a little more than a page at 200 dots an inch; what is larger is made smaller
PICTURE_PIXELS: Final = (
    25_000_000  # unpacked at once; four octets each, three times over, where something shows through
)
LEAST_WORDS: Final = 5
SURE: Final = 60  # of 100
SURE_SHARE: Final = 0.9  # of the words
TOO_LARGE: Final = "pictures are larger than is read"
LITTLE: Final = "a picture in which little can be read"
TOO_SLOW: Final = "pictures take longer than is read"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen in a picture: text, and how sure each word of letters or digits is (0 to 100).

    is_whole: there was time for all of it. spent_ms: how long it took.
    """

    text: str
    certainties: Sequence[int]
    is_whole: bool = True
    spent_ms: int = 0


class Eye(Protocol):
    """A program that reads pictures."""

    def read(self, pixels: bytes, *, width: int, height: int, timeout_ms: int) -> Sight:
        """Read a picture of one octet a pixel, 0 black, lines from the top without gaps. Never raises."""


class Gaze:
    """An eye, and what one message may still cost it."""

    def __init__(self, eye: Eye, budget: Budget) -> None:
        self._eye = eye
        self._budget = budget

    def fits(self, width: float, height: float) -> bool:
        """Tell whether a picture of so many pixels may be made: not more than are left."""
        return width > 0 and height > 0 and width * height <= min(PICTURE_PIXELS, self._budget.pixels)

    def read(self, pixels: bytes, *, width: int, height: int) -> tuple[str, str]:
        """Return what stands in a picture, and why there may be more ("" when it is read). Its pixels are paid here."""
        if not self.fits(width, height):
            return "", TOO_LARGE
        if self._budget.sight_ms <= 0:
            return "", TOO_SLOW
        self._budget.pixels -= width * height
        sight = self._eye.read(pixels, width=width, height=height, timeout_ms=self._budget.sight_ms)
        self._budget.sight_ms -= sight.spent_ms
        if not sight.is_whole:
            return sight.text, TOO_SLOW
        sure = sum(certainty >= SURE for certainty in sight.certainties)
        is_believed = sure >= LEAST_WORDS and sure >= SURE_SHARE * len(sight.certainties)
        return sight.text, "" if is_believed else LITTLE
