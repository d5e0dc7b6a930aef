"""One text with what every detector asks of it, found once: lower case, literal words, numbers.

Python's `re` has no short cut for a pattern that opens with a boundary and a choice of words: it tries every word at
every character. So all literal beginnings of all patterns, and all phrases that count by being there, are found in one
pass of an Aho-Corasick automaton, and a pattern (`anchored`) is tried only where it can begin.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ahocorasick

from policy.phi.normalise import lower_case

_NUMBER: Final = re.compile(r"[0-9](?<![0-9]{2})")  # the first digit; a normalised text has no others than ASCII's


@dataclass(frozen=True, slots=True)
class View:
    """A normalised text, its lower case of the same length, and offsets in both.

    words: where each literal word begins, in order; no entry for one that is not there. numbers: where digits begin.
    at_numbers: which of them begin something, as `anchored` found out so far.
    """

    text: str
    lower: str
    words: Mapping[str, Sequence[int]]
    numbers: Sequence[int]
    at_numbers: dict[tuple[bool, int], Sequence[int]] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"View({len(self.text)} characters)"


class Literals:
    """A set of lower-case words, looked for all at once, inside other words as well."""

    def __init__(self, words: Iterable[str]) -> None:
        self._automaton: Any = ahocorasick.Automaton()  # pyahocorasick ships no types
        for word in words:
            self._automaton.add_word(word, word)
        self._automaton.make_automaton()

    def view(self, text: str) -> View:
        """Look through a normalised text once. Linear in its length."""
        lower = lower_case(text)
        words: defaultdict[str, list[int]] = defaultdict(list)
        for last, word in self._automaton.iter(lower):
            words[word].append(last + 1 - len(word))
        return View(text, lower, dict(words), [number.start() for number in _NUMBER.finditer(text)])
