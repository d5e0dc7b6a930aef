"""`look` reads a text once for all detectors."""

from typing import Final

from policy.phi import asides, genre, health, identifiers, reader, signs, zones
from policy.phi.view import Literals, View

_LITERALS: Final = Literals(
    {*asides.WORDS, *genre.WORDS, *health.WORDS, *identifiers.WORDS, *reader.WORDS, *signs.WORDS, *zones.WORDS}
)


def look(text: str) -> View:
    """Return a normalised text with where the words of all detectors stand in it. Linear in its length."""
    return _LITERALS.view(text)
