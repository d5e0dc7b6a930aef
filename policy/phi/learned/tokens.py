"""The words of a message as the model reads them: sentences, without signatures and footers, names and numbers masked.

A name is what the rules take it for (`<patient>`, `<person>`, `<staff>`), or what the lists or its capital say
(`<given>`, `<family>`, `<capital>`); a number is its shape. So the model learns no name and no number.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policy.phi.data.load import Vocabulary
from policy.phi.learned.senses import Senses, classes_of
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.tie import WEAK, Evidence

LONGEST: Final = 6_000  # characters of one text that are read
_TOKEN: Final = re.compile(
    r"[A-Za-zÀ-ÿ]+(?:['-][A-Za-zÀ-ÿ]+)*|\d(?:[\d.,/:%-]*\d)?|[.!?]+(?=\s|$)|\n+|[$%#?!:;(),/@*=<>+-]"
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
NAMES: Final = frozenset({"<patient>", "<person>", "<given>", "<family>", "<capital>"})
_WRAPPED: Final = 35  # a line so long whose next begins in lower case was wrapped
_PLURAL: Final = 4
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


def sentences(item: Evidence, vocabulary: Vocabulary, table: Senses) -> Iterator[list[Token]]:
    """Yield the sentences of one text, at most its first 6,000 characters. Linear."""
    content = item.text.content[:LONGEST]
    names = {person.start: person for person in item.people if person.kind is Kind.NAME and person.end > person.start}
    names.update({mention.start: mention for mention in item.exempt if mention.end > mention.start})
    numbers = {person.start for person in item.people if person.kind not in {Kind.NAME, Kind.EMAIL} and person.end}
    health = {word.start: word for word in item.health if word.strength > WEAK}
    phrases = dict(table.phrases_in(item.view.lower[:LONGEST]))
    sentence: list[Token] = []
    after, line, is_first = 0, 0, True
    for match in _TOKEN.finditer(content):
        start, written = match.start(), match.group()
        if start < after or (item.zones is not None and item.zones.at(start) is not None):
            continue
        if written[0] in "\n.!?":
            is_end = written[0] != "\n" or not _is_wrapped(content, line, start, match.end())
            if written[0] != "\n":
                sentence.append(Token(written[0], written[0], ()))
            else:
                line = match.end()
            if is_end and sentence:
                yield sentence
                sentence = []
            is_first = is_first or is_end
            continue
        if start in numbers:
            sentence.append(Token("<number>", "<number>", ()))
        name = names.get(start)
        if name is not None:
            after = name.end
            role = _NOBODY if name in item.exempt else _ROLES[name.role]
            sentence.append(Token(role, role, ()))
        else:
            token = _token(written, health.get(start), vocabulary, is_first=is_first)
            more = phrases.get(start)
            sentence.append(token if more is None else token._replace(senses=token.senses + more))
        is_first = False
    if sentence:
        yield sentence


def _is_wrapped(content: str, line: int, end: int, start: int) -> bool:
    return start - end == 1 and end - line >= _WRAPPED and content[start : start + 1].islower()


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
        if base in vocabulary.given_names and not (found and is_first):
            return Token("<given>", "<given>", found)
        if not is_first and not found and len(written) > 1:
            if base in vocabulary.surnames or base in vocabulary.rare_surnames:
                return Token("<family>", "<family>", found)
            if not written.isupper():
                return Token("<capital>", "<capital>", found)
        if not is_first and len(written) == 1:
            return Token("<letter>", "<letter>", ())
    word = base[:-1] if len(base) > _PLURAL and base.endswith("s") and not base.endswith("ss") else base
    return Token(word, f"<{health.kind}>" if health is not None else word, found)


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
