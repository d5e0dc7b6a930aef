"""`look` reads a text once for all detectors."""

from functools import cache
from typing import Final

from policy.phi import asides, genre, health, identifiers, reader, signs, zones
from policy.phi.data.load import vocabulary
from policy.phi.view import Literals, View

_WORDS: Final = frozenset().union(*(room.WORDS for room in (asides, genre, health, identifiers, reader, signs, zones)))
_LITERALS: Final = Literals(_WORDS)


def look(text: str) -> View:
    """Return a normalised text with where the words of all detectors and the terms of health stand in it.

    Linear in its length. Raises: VocabularyMissing.
    """
    return _all().view(text)


def look_for_identifiers(text: str) -> View:
    """Return the same without terms, and without loading any."""
    return _LITERALS.view(text)


@cache
def _all() -> Literals:
    return Literals(_WORDS, vocabulary().terms)
