r"""Shapes of an organisation's record numbers: the part of regular expressions that cannot go exponential.

How this works: a shape is a row of pieces: a character, `\d`, or a class such as `[A-Z]`, each at will with `?`, `{3}`
or `{3,5}` behind it. There are no groups, choices or stars. A piece whose number is open may not be followed by one
that takes the same characters, so a text fits in one way at most, nothing is tried twice, and the cost at one place
is bounded by the length of the shape. Capital letters and small ones are the same.
"""

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

MOST: Final = 20  # shapes: each is tried at every word
_WRITTEN: Final = 100  # characters of a shape as written
_LONGEST: Final = 64  # characters of what fits it
_SHORTEST: Final = 4
_DIGITS: Final = 3  # places of it that may hold a digit: less fits words
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-_/# ")
_CHARACTERS: Final = frozenset(string.ascii_lowercase + string.digits + "-_/#. ")
_COUNT: Final = re.compile(r"\{(\d{1,2})(?:,(\d{1,2}))?\}")
_RANGE: Final = re.compile(r"([A-Za-z0-9])-([A-Za-z0-9])")

_LETTERED: Final = "a number in the shape of this organisation's record numbers"
_NUMBER: Final = "a number in the shape of this organisation's record numbers, digits alone"


class ShapeError(ValueError):
    """A shape cannot be used; the text names the column and what would be right."""

    def __init__(self, column: int, text: str) -> None:
        super().__init__(f"column {column}: {text}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One of these characters (lower case), from `low` to `high` times."""

    characters: frozenset[str]
    low: int
    high: int
    column: int

    @property
    def pattern(self) -> str:
        """As `re` writes it; possessive, since giving back never helps here."""
        return f"[{''.join(map(re.escape, sorted(self.characters)))}]{{{self.low},{self.high}}}+"


def parse_shape(shape: str) -> tuple[Piece, ...]:
    r"""Read a shape such as `LK-\d{7}` or `[A-Z]{2}\d{6,8}`.

    shape: at most 100 characters. Returns: its pieces; what fits them has 4 to 64 characters, 3 of them digits.
    Raises: ShapeError for whatever else regular expressions know, and for a shape that could fit in two ways.
    """
    if len(shape) > _WRITTEN:
        raise ShapeError(_WRITTEN + 1, f"is longer than {_WRITTEN} characters")
    pieces = tuple(_pieces(shape))
    for number, piece in enumerate(pieces):
        if piece.low < piece.high:
            _check_next(piece, pieces[number + 1 :])
    if sum(piece.high for piece in pieces) > _LONGEST:
        raise ShapeError(1, f"fits more than {_LONGEST} characters; use smaller numbers")
    if sum(piece.low for piece in pieces) < _SHORTEST:
        raise ShapeError(1, f"fits less than {_SHORTEST} characters, which would be anything")
    if sum(piece.low for piece in pieces if any(map(str.isdigit, piece.characters))) < _DIGITS:
        raise ShapeError(1, f"needs {_DIGITS} digits or more, or it fits words; write them as \\d{{{_DIGITS}}}")
    return pieces


def _check_next(piece: Piece, rest: Sequence[Piece]) -> None:
    """Refuse what follows a piece of open number and takes the same characters."""
    for after in rest:
        if piece.characters & after.characters:
            text = "takes the same characters as what stands before it in an open number; write one number, such as {7}"
            raise ShapeError(after.column, text)
        if after.low:
            return


def _pieces(shape: str) -> Iterator[Piece]:
    at = 0
    while at < len(shape):
        column = at + 1
        characters, at = _characters(shape, at)
        low = high = 1
        if shape.startswith("?", at):
            low, at = 0, at + 1
        elif shape.startswith("{", at):
            count = _COUNT.match(shape, at)
            if count is None:
                raise ShapeError(at + 1, "is no number of times; write it like {7} or {6,8}")
            low, high, at = int(count[1]), int(count[2] or count[1]), count.end()
            if low > high or not high:
                raise ShapeError(
                    count.start() + 1, "is no number of times; the smaller one stands first, and none is 0"
                )
        yield Piece(characters, low, high, column)


def _characters(shape: str, at: int) -> tuple[frozenset[str], int]:
    """What one piece may be, and where the next sign stands."""
    sign = shape[at]
    if sign == "[":
        end = shape.find("]", at)
        if end < at + 2:
            raise ShapeError(at + 1, "is a class without an end or without characters; write it like [A-Z]")
        return _class(shape[at + 1 : end], at + 2), end + 1
    if sign == "\\":
        following = shape[at + 1 : at + 2]
        if following == "d":
            return frozenset(string.digits), at + 2
        if following in {".", "-", "/", "#"}:
            return frozenset(following), at + 2
        raise ShapeError(at + 1, r"is not known; \d is a digit, \. a dot")
    if sign not in _PLAIN:
        text = "is not known here" if sign != "." else r"would be any character; write \. for a dot"
        raise ShapeError(at + 1, f'"{sign}" {text}; a shape has characters, \\d, [A-Z], and ?, {{7}} or {{6,8}} behind')
    return frozenset(sign.lower()), at + 1


def _class(inside: str, column: int) -> frozenset[str]:
    """The characters of a class: single ones and ranges, a hyphen last."""
    chosen: set[str] = set()
    at = 0
    while at < len(inside):
        if part := _RANGE.match(inside, at):
            if part[1] > part[2] or not (
                part[1].isdigit() is part[2].isdigit() and part[1].isupper() is part[2].isupper()
            ):
                raise ShapeError(column + at, "is no range; write it like A-Z or 0-9")
            chosen.update(chr(code).lower() for code in range(ord(part[1]), ord(part[2]) + 1))
            at = part.end()
        elif inside[at].lower() in _CHARACTERS:
            chosen.add(inside[at].lower())
            at += 1
        else:
            raise ShapeError(column + at, f'"{inside[at]}" cannot stand in a class; letters, digits and - _ / # . can')
    return frozenset(chosen)


class Shapes:
    """Shapes, looked for all at once wherever a word begins. Linear in the text."""

    def __init__(self, shapes: Sequence[str]) -> None:
        """Compile them. Raises: ShapeError."""
        choices = "|".join("".join(piece.pattern for piece in parse_shape(shape)) + "(?![a-z0-9])" for shape in shapes)
        self._pattern = re.compile(f"(?<![a-z0-9])(?:{choices})") if shapes else None

    def find(self, view: View) -> Iterator[Mention]:
        """Yield what fits one of them; digits alone count for less, for any number is such."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(view.lower):
            value = view.text[match.start() : match.end()]
            if value.isdigit():
                yield Mention(Kind.MRN, match.start(), match.end(), value, 0.6, _NUMBER)
            else:
                yield Mention(Kind.MRN, match.start(), match.end(), value, 0.9, _LETTERED, Role.PATIENT)
