"""What a reader of files is given and what it yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from policy.phi.grid import Grid
from policy.phi.report import Place

if TYPE_CHECKING:
    from policy.phi.files.sight import Eye

DEPTH: Final = 5  # files in files; 42.zip has six levels
TOO_MUCH: Final = "the files hold more than is unpacked"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of a part or of one of its pages.

    is_name: what a file inside is called. grid: its cells, of a sheet. is_unseen: readers do not see all of it.
    """

    place: Place
    content: str
    is_name: bool = False
    grid: Grid | None = None
    is_unseen: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What of a part could not be read, and why."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message (RFC 5322) that was found in a file."""

    place: Place
    data: bytes


Found = Piece | Unreadable | Letter


@dataclass(slots=True)
class Budget:
    """What reading one message may still cost, all of its parts and all that is packed in them together.

    characters: text that may still be read. octets: what may still come out of compression. entries: files in files
    that may still be opened. elements: tags of XML and tokens of RTF that may still be looked at. pixels: of pictures
    that may still be unpacked, where there is a program that reads them. sight_ms: time that it may still take.
    """

    characters: int
    octets: int = 64 * 1024 * 1024
    entries: int = 1_000
    elements: int = 500_000
    pixels: int = 100_000_000
    sight_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to read.

    place: where it is. charset, file_name: as declared, "" when not. depth: how many files it is in.
    read: reads a file that was found inside this one. eye: reads pictures; None when there is no program for it.
    """

    place: Place
    budget: Budget
    read: "Callable[[bytes, Job], Iterator[Found]]"
    charset: str = ""
    file_name: str = ""
    depth: int = 0
    eye: "Eye | None" = None

    def at(self, *, name: str, page: int = 0) -> Place:
        """Return the place of a page of this file, whose type is known by now."""
        return Place(part=self.place.part, name=name, page=page)

    def inside(self, data: bytes, *, number: int, file_name: str = "", charset: str = "") -> Iterator[Found]:
        """Yield what a file inside this one holds. number: which of the files inside, from 1."""
        place = Place(part=f"{self.place.part} file {number}")
        if self.depth >= DEPTH:
            yield Unreadable(place, f"files are packed more than {DEPTH} deep")
            return
        self.budget.entries -= 1
        if self.budget.entries < 0:
            yield Unreadable(self.place, "there are too many files in files")
            return
        yield from self.read(
            data, replace(self, place=place, file_name=file_name, charset=charset, depth=self.depth + 1)
        )
