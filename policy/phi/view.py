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

from policy.phi.data.load import Term
from policy.phi.normalise import lower_case

_BY_FREQUENCY: Final = {ord(letter): chr(rank) for rank, letter in enumerate(" etaoinsrhdlucmfywgpbvkxqjz")}
_NUMBER: Final = re.compile(r"[0-9](?<![0-9]{2})")  # the first digit; a normalised text has no others than ASCII's


@dataclass(frozen=True, slots=True)
class View:
    """A normalised text, its lower case of the same length, and offsets in both.

    words: where each literal word begins, in order; no entry for one that is not there. terms: of the vocabulary, with
    the offset of the last character, inside other words as well; in order of it. numbers: where digits begin.
    at_numbers: which of them begin something, as `anchored` found out so far.
    """

    text: str
    lower: str
    words: Mapping[str, Sequence[int]]
    terms: Sequence[tuple[int, Term]]
    numbers: Sequence[int]
    at_numbers: dict[tuple[bool, int], Sequence[int]] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"View({len(self.text)} characters)"


class Literals:
    """Lower-case words, and terms of a vocabulary by their text, looked for all at once, inside other words as well."""

    def __init__(self, words: Iterable[str], terms: Mapping[str, Term] | None = None) -> None:
        self._automaton: Any = ahocorasick.Automaton()  # pyahocorasick ships no types
        known, terms = frozenset(words), terms or {}
        for text in sorted(known.union(terms), key=lambda text: text.translate(_BY_FREQUENCY)):  # nodes keep this order
            self._automaton.add_word(text, (text if text in known else "", terms.get(text)))
        self._automaton.make_automaton()

    def view(self, text: str) -> View:
        """Look through a normalised text once. Linear in its length."""
        lower = lower_case(text)
        words: defaultdict[str, list[int]] = defaultdict(list)
        terms: list[tuple[int, Term]] = []
        for last, (word, term) in self._automaton.iter(lower):
            if word:
                words[word].append(last + 1 - len(word))
            if term is not None:
                terms.append((last, term))
        return View(text, lower, dict(words), terms, [number.start() for number in _NUMBER.finditer(text)])
