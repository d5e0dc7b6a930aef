"""Terms of an organisation: names of its programmes, and dictionaries of words that the vocabulary does not know."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import ahocorasick

from policy.phi.mention import Mention
from policy.phi.normalise import lower_case, normalise
from policy.phi.report import TOPICS, Kind
from policy.phi.view import View

MOST: Final = 10_000  # terms of one list
SHORTEST: Final = 3  # characters
LONGEST: Final = 100
MEANT: Final = tuple(kind for kind in Kind if kind.is_health or kind.is_topic)  # what a dictionary may be of

_PROGRAMME: Final = "the name of a programme of this organisation"
_TERM: Final = "a term of a dictionary of this organisation"
_WEIGHT: Final = 0.85  # as a term of the vocabulary; being in a programme says as much
_BLANKS: Final = re.compile(r"\s+")
_ONE_LINE: Final = str.maketrans("\n", " ")


def parse_term(term: str) -> str:
    """Read a term as texts are matched with it: folded, in lower case, with single blanks.

    Raises: ValueError for less than 3 or more than 100 characters, and for one that begins or ends with a sign.
    """
    folded = _BLANKS.sub(" ", lower_case(normalise(term))).strip()
    if not SHORTEST <= len(folded) <= LONGEST:
        raise ValueError(f"must have {SHORTEST} to {LONGEST} characters")
    if not (folded[0].isalnum() and folded[-1].isalnum()):
        raise ValueError("must begin and end with a letter or a digit")
    return folded


class Terms:
    """Terms, looked for all at once, as whole words. Linear in the text."""

    def __init__(self, programmes: Sequence[str], dictionaries: Mapping[Kind, Sequence[str]]) -> None:
        """Compile them. Raises: ValueError for a term that `parse_term` refuses."""
        self._automaton: Any = None
        kinds = {parse_term(term): (kind, _TERM) for kind, terms in dictionaries.items() for term in terms}
        kinds.update({parse_term(name): (Kind.CLINICAL, _PROGRAMME) for name in programmes})
        if kinds:
            self._automaton = ahocorasick.Automaton()
            for term, (kind, why) in kinds.items():
                self._automaton.add_word(term, (len(term), kind, why))
            self._automaton.make_automaton()

    def find(self, view: View) -> Iterator[Mention]:
        """Yield each term where it stands, also over a line's end; a topic is found as health too."""
        if self._automaton is None:
            return
        lower = view.lower.translate(_ONE_LINE)
        for last, (length, kind, why) in self._automaton.iter(lower):
            start, end = last + 1 - length, last + 1
            if lower[start - 1 : start].isalnum() or lower[end : end + 1].isalnum():
                continue
            value = view.text[start:end]
            if kind in TOPICS:
                yield Mention(Kind.CLINICAL, start, end, value, _WEIGHT, why)
            yield Mention(kind, start, end, value, _WEIGHT, why)
