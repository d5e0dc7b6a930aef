"""The words of a message as the model reads them: sentences, without signatures and footers, names and numbers masked.

A name is what the rules take it for (`<patient>`, `<person>`, `<staff>`), or what the lists or its capital say
(`<given>`, `<family>`, `<capital>`); a number is its shape. So the model learns no name and no number.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policy.phi.data.load import Vocabulary
from policy.phi.learned.senses import Senses, classes_of
from policy.phi.mention import Mention, Role
from policy.phi.names_cues import NOT_NAMES
from policy.phi.report import Kind
from policy.phi.tie import WEAK, Evidence

LONGEST: Final = 6_000  # characters of one text that are read
_TOKEN: Final = re.compile(  # first what is no word: addresses of pages, encoded files
    r"\S{40,}|[A-Za-zÀ-ÿ]+(?:['-][A-Za-zÀ-ÿ]+)*|\d(?:[\d.,/:%-]*\d)?|[.!?]+(?=\s|$)|\n+|_{3,}|\[ ?\]"
    r"|[$%#?!:;(),/@*=<>+-]"
)
_NUMBERS: Final = (
    (re.compile(r"\d{1,2}:\d\d"), "<time>"),
    (re.compile(r"\d{1,4}([/-])\d{1,2}\1\d{2,4}"), "<date>"),
    (re.compile(r"\d{1,4}[/-]\d{1,2}"), "<fraction>"),
    (re.compile(r"\d+[.,]\d+"), "<decimal>"),
)
_DIGITS: Final = 5  # a longer number is as long as this
_ROLES: Final = {
    Role.PATIENT: "<patient>",
    Role.READER: "<reader>",
    Role.UNKNOWN: "<person>",
    Role.STAFF: "<staff>",
}
_NOBODY: Final = "<nobody>"  # a value that the organisation says is nobody's
_MAYBE: Final = "<maybe>"  # a capital that opens a sentence, before what somebody does: "Kwabena has"
NAMES: Final = frozenset({"<patient>", "<person>", "<given>", "<family>", "<capital>", _MAYBE})
_DOES: Final = re.compile(
    r"(?:'s)? (?:has|is|was|had|will|can|can't|cannot|won't|isn't|wasn't|didn't|doesn't|came|called|rang|needs|wants"
    r"|got|says|said|went|asked|told|takes|took|fell|and|out|off|still|again)\b|'s |,? ?\(?\d|, [A-Z]|\Z"
)
_ENDS: Final = frozenset("\n.!?")
_SHORTENED: Final = frozenset("dr mr mrs ms st no vs approx appt dept ext tel pt re jr sr prof rev".split())
_NO_WORD: Final = 40
_WRAPPED: Final = 35  # a line so long whose next begins in lower case was wrapped
_PLURAL: Final = 4
_SHORT: Final = 8
_MEMORY: Final = 20_000  # words whose tokens are kept
_FUNCTION: Final = frozenset(
    """
    i you he she it we they me him her us them my your his its our their the a an and or but if so to of in on at for
    with from by as is was are were be been has have had do does did will would can could should may might not no this
    that these those there here who which what when where how why all any some each every other another
    """.split()
)


class Token(NamedTuple):
    """One word. word: lower case, singular, masked. kind: what stands for it: a role, a shape, or itself."""

    word: str
    kind: str
    senses: tuple[str, ...]


_BLANK: Final = Token("<blank>", "<blank>", ("nobody",))  # of a form


def sentences(item: Evidence, vocabulary: Vocabulary, table: Senses) -> Iterator[list[Token]]:
    """Yield the sentences of one text, at most its first 6,000 characters. Linear."""
    content = item.text.content[:LONGEST]
    reader = _Reader(item, vocabulary, dict(table.phrases_in(item.view.lower[:LONGEST])))
    sentence: list[Token] = []
    after, line = 0, 0
    for match in _TOKEN.finditer(content):
        start, end = match.span()
        if start < after or (item.zones is not None and item.zones.at(start) is not None):
            continue
        first = content[start]
        if end - start >= _NO_WORD and first != "\n":
            continue
        if first not in _ENDS:
            after = reader.read(match, sentence)
        elif first != "\n":
            if first == "." and _is_shortened(content, start):
                continue
            sentence.append(Token(first, first, ()))
            yield sentence
            sentence = []
        else:
            if sentence and not _is_wrapped(content, line, start, end):
                yield sentence
                sentence = []
            line = end
    if sentence:
        yield sentence


class _Reader:
    """Makes tokens of the words of one text, with what the rules found where they stand."""

    def __init__(self, item: Evidence, vocabulary: Vocabulary, phrases: Mapping[int, tuple[str, ...]]) -> None:
        people = [person for person in item.people if person.end > person.start]
        self._vocabulary = vocabulary
        self._phrases = phrases
        self._content = item.text.content
        self._names = {person.start: (person.end, _ROLES[person.role]) for person in people if person.kind is Kind.NAME}
        self._names.update((gone.start, (gone.end, _NOBODY)) for gone in item.exempt if gone.end > gone.start)
        self._numbers = {person.start: person.end for person in people if person.kind not in {Kind.NAME, Kind.EMAIL}}
        self._health = {word.start: word for word in item.health if word.strength > WEAK}

    def read(self, match: re.Match[str], sentence: list[Token]) -> int:
        """Add what stands here to a sentence; return where it ends."""
        start, end = match.span()
        if start in self._numbers:
            sentence.append(Token("<number>", "<number>", ()))
            return self._numbers[start]
        name = self._names.get(start)
        if name is not None:
            sentence.append(Token(name[1], name[1], ()))
            return name[0]
        written, is_first = match.group(), not sentence
        if written[0] in "_[":
            sentence.append(_BLANK)
            return end
        if start not in self._health and start not in self._phrases and written.islower():
            sentence.append(_plain(written))
            return end
        token = _token(written, self._health.get(start), self._vocabulary, is_first=is_first)
        if is_first and token.kind == token.word and _may_be_name(written, token, self._content, end):
            token = token._replace(kind=_MAYBE)
        more = self._phrases.get(start)
        sentence.append(token if more is None else token._replace(senses=token.senses + more))
        return end


def _is_wrapped(content: str, line: int, end: int, start: int) -> bool:
    return start - end == 1 and end - line >= _WRAPPED and content[start : start + 1].islower()


def _is_shortened(content: str, stop: int) -> bool:
    """Tell whether a full stop belongs to an initial or a short form: "T. Vandermeer", "Dr. Cho"."""
    word = content[max(0, stop - _SHORT) : stop].rpartition(" ")[2]
    return (len(word) == 1 and word.isupper()) or word.lower() in _SHORTENED


def _may_be_name(written: str, token: Token, content: str, end: int) -> bool:
    if len(written) < _PLURAL - 1 or not written[0].isupper() or token.senses or written.lower() in NOT_NAMES:
        return False
    return written.lower() not in _FUNCTION and _DOES.match(content, end) is not None


def _token(written: str, health: Mention | None, vocabulary: Vocabulary, *, is_first: bool) -> Token:
    if written[0].isdigit():
        shape = _shape(written)
        return Token(shape, shape, ())
    lower = written.lower()
    base = lower.removesuffix("'s")
    found = classes_of(lower)
    if health is not None:
        found = (*found, f"rules {health.kind}")
    if written[0].isupper() and lower not in _FUNCTION:
        if base in vocabulary.given_names and not (found and (is_first or "time" in found)):
            return Token("<given>", "<given>", found)
        if not is_first and not found and len(written) > 1:
            if base in vocabulary.surnames or base in vocabulary.rare_surnames:
                return Token("<family>", "<family>", found)
            if not written.isupper():
                return Token("<capital>", "<capital>", found)
        if not is_first and len(written) == 1:
            return Token("<letter>", "<letter>", ())
    word = _singular(base)
    return Token(word, f"<{health.kind}>" if health is not None else word, found)


@functools.lru_cache(maxsize=_MEMORY)
def _plain(written: str) -> Token:
    """The token of a word in lower case that the rules took no notice of."""
    return Token(_singular(written.removesuffix("'s")), _singular(written.removesuffix("'s")), classes_of(written))


def _singular(base: str) -> str:
    return base[:-1] if len(base) > _PLURAL and base.endswith("s") and not base.endswith("ss") else base


def _shape(written: str) -> str:
    if written.isdigit():
        return f"<{min(len(written), _DIGITS)} digits>"
    return next((shape for pattern, shape in _NUMBERS if pattern.fullmatch(written)), "<figures>")


def roles(sentence: list[Token], who: Mapping[str, str]) -> set[str]:
    """Return who is spoken of in a sentence: kinds of names, and what pronouns and words for relatives say."""
    found = {token.kind for token in sentence if token.kind in NAMES}
    for token in sentence:
        person = who.get(token.word)
        if person is not None:
            found.add(person)
        elif "kin" in token.senses:
            found.add("kin")
    return found
