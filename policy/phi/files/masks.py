"""Number formats of spreadsheets that make another number of one: 000-00-0000 shows 12557812 as 012-55-7812.

Only formats of digits and signs between them are followed; what formats dates, parts or amounts is none of these.
Source: ECMA-376 part 1 section 18.8.31, [MS-XLS] section 2.4.126.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"\"([^\"]*)\"|\\(.)|_.|\*.|\[([^\]]*)\]|([0#?])|([-()/ +:])|(.)", re.DOTALL)
_CONDITION: Final = re.compile(r"([<>]=?|=)(-?[0-9]{1,15})")
_SECTIONS: Final = re.compile(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")
_LONGEST: Final = 255  # characters of a format


@dataclass(frozen=True, slots=True)
class Mask:
    """One format: pieces in order, "0" and "#" for digits and others as they stand; below: how large a number it takes.

    After the last piece no more digits fit; those too many stand at the first.
    """

    pieces: Sequence[tuple[bool, str]]
    at_most: int | None = None

    def write(self, number: int) -> str:
        """Return a number as the format shows it."""
        digits = list(str(number))
        out: list[str] = []
        places = sum(is_place for is_place, _ in self.pieces)
        for is_place, sign in reversed(self.pieces):
            if not is_place:
                out.append(sign)
                continue
            places -= 1
            out.append(digits.pop() if digits else "0" if sign == "0" else "")
            if not places:
                out += reversed(digits)
                digits = []
        return "".join(reversed(out)).strip()


def masks_of(code: str) -> tuple[Mask, ...]:
    """Return the sections of a format that change how digits look; () when none does."""
    if len(code) > _LONGEST:
        return ()
    made = [_mask(section) for section in _SECTIONS.split(code)[:2]]
    return tuple(mask for mask in made if mask)


def written(number: int, masks: Sequence[Mask]) -> str:
    """Return a number as it is shown: by the first section whose condition holds."""
    return next((mask for mask in masks if mask.at_most is None or number <= mask.at_most), masks[-1]).write(number)


def _mask(section: str) -> Mask | None:
    pieces: list[tuple[bool, str]] = []
    at_most = None
    for quoted, escaped, bracket, place, sign, other in _TOKEN.findall(section):
        if other:
            return None
        condition = _CONDITION.fullmatch(bracket)
        if condition and condition[1] in {"<", "<="}:
            at_most = int(condition[2]) - (condition[1] == "<")
        if place:
            pieces.append((True, place))
        elif quoted or escaped or sign:
            pieces.append((False, quoted or escaped or sign))
    places = [index for index, (is_place, _) in enumerate(pieces) if is_place]
    if len(places) < 2:
        return None
    is_cut = places[-1] - places[0] >= len(places)
    says = any(sign.isalnum() for is_place, words in pieces if not is_place for sign in words)
    leads = [pieces[index][1] for index in places].count("0") > 1
    return Mask(tuple(pieces), at_most) if is_cut or leads or says else None
