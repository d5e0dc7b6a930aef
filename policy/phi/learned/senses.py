"""Classes of everyday words (`data/senses.txt`): what a word or phrase speaks of, whichever word it is."""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ahocorasick

from policy.phi.data.load import own_list

_NOTHING: Final[tuple[str, ...]] = ()
_MEMORY: Final = 20_000  # words whose classes are kept


@dataclass(frozen=True, slots=True)
class Senses:
    """The table. words: lower case, their classes. phrases: automaton of what is more than one word."""

    words: Mapping[str, tuple[str, ...]]
    phrases: Any  # pyahocorasick ships no types

    def of(self, word: str) -> tuple[str, ...]:
        """Return the classes of a lower-case word, whatever its ending."""
        for form in _forms(word):
            found = self.words.get(form)
            if found is not None:
                return found
        return _NOTHING

    def phrases_in(self, lower: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield (offset, classes) of the phrases of a lower-case text. Linear."""
        for last, (length, classes) in self.phrases.iter(lower):
            start = last + 1 - length
            if not (start and lower[start - 1].isalnum()) and not lower[last + 1 : last + 2].isalnum():
                yield start, classes


def _forms(word: str) -> Iterator[str]:
    """Yield a word and what it may be a form of: "coughs", "coughing" and "coughed" of "cough"."""
    yield word
    if word.endswith("'s"):
        word = word[:-2]
        yield word
    length = len(word)
    if length > 3 and word.endswith("s"):
        yield word[:-1]
    if length > 4 and word.endswith("es"):
        yield word[:-2]
    if length > 5 and word.endswith("ing"):
        yield word[:-3]
        yield f"{word[:-3]}e"
    if length > 4 and word.endswith("ed"):
        yield word[:-2]
        yield word[:-1]


@functools.cache
def senses() -> Senses:
    """Return the table, loading it the first time. Raises: VocabularyMissing."""
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for name, words in _groups():
        for word in words:
            if name not in classes[word]:
                classes[word].append(name)
    phrases = ahocorasick.Automaton()
    for word, names in classes.items():
        if not word.replace("'", "").replace("-", "").isalnum():
            phrases.add_word(word, (len(word), tuple(names)))
    phrases.make_automaton()
    return Senses({word: tuple(names) for word, names in classes.items()}, phrases)


def _groups() -> Iterator[tuple[str, Sequence[str]]]:
    for group in own_list("senses").split("[")[1:]:
        name, _, words = group.partition("]")
        yield name, [word for word in map(str.strip, words.replace("\n", ",").split(",")) if word]


classes_of = functools.lru_cache(maxsize=_MEMORY)(lambda word: senses().of(word))
