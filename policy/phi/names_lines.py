"""Lines written without capitals, and whether a name may stand in one; asked before `names` goes word by word."""

import re
from collections.abc import Iterator
from typing import Final

from policy.phi.data.load import Vocabulary

_CAPITAL: Final = re.compile(r"[A-Z]")
_SHORTEST, _LONGEST = 8, 600  # characters of a line without capitals
_APART: Final = bytes(mark if chr(mark).isalnum() or chr(mark) in "_'-" else 0x20 for mark in range(128)) + bytes(128)
# Words of the lists that are everyday words: in a lower-case line they name nobody without a cue.
EVERYDAY: Final = frozenset(
    """
    will mark may hope grace joy bill rose dawn summer april june august faith frank guy rich chase drew gene dale
    dean ray sue pat bob van long an do so in my la le no jack art don pearl ivy jade ruby hazel holly daisy ginger
    amber crystal chance precious diamond destiny trinity sunny misty sky lane case young ward price rice wood stone
    field waters rivers hill park church day short small white black brown green gray best good sharp love hand head
    foot back cook page bell ball bond bush cross fields fox hall hart hunt little long marsh moon north west parks
    powers reed rush snow strong summers walls ware wise works major set see say ask many any he she her his and the
    for was not can on to at of is it be by as or if up
    """.split()
)


def lower_case_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with letters and without a capital, with their offsets."""
    start = 0
    for line in text.split("\n"):
        if _SHORTEST <= len(line) <= _LONGEST and (line.islower() or not (line.isascii() or _CAPITAL.search(line))):
            yield start, line
        start += len(line) + 1


def may_name(line: str, vocabulary: Vocabulary) -> bool:
    """Tell, much faster than word by word, whether a line may hold a given name and a surname."""
    if not line.isascii() or "'" in line:
        return True
    words = line.encode().translate(_APART).decode().split()
    given, family = vocabulary.given_names, vocabulary.surnames
    if given.isdisjoint(words) or family.isdisjoint(words):
        return False
    telling = set(words) - EVERYDAY
    return not (telling.isdisjoint(given) and telling.isdisjoint(family))
