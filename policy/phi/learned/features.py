"""What the model weighs in a message: its words, their classes beside who is spoken of, and what the rules found.

A feature is a line of text: "word vomit", "pair <given> symptom" (both in one sentence), "both he drug" (both in the
message). So a weight can be read, and an opinion explained.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from policy.phi.data.load import vocabulary
from policy.phi.examine import Examined
from policy.phi.learned.senses import senses
from policy.phi.learned.tokens import NAMES, Token, roles, sentences
from policy.phi.mention import Role
from policy.phi.report import Kind
from policy.phi.text import Source
from policy.phi.tie import Evidence

RULES: Final = "rules "  # how features begin that say what the rules found
_SENTENCES: Final = 120  # of a message that are read
_READ: Final = frozenset({Source.SUBJECT, Source.BODY})  # files have fields and columns, which the rules know
_WHO: Final = {
    **dict.fromkeys("i my me myself mine i'm i've i'll i'd".split(), "me"),
    **dict.fromkeys("you your you're yours yourself you've you'll ur".split(), "you"),
    **dict.fromkeys("he she his her him hers himself herself he's she's he'll she'll".split(), "he"),
    **dict.fromkeys("mr mrs ms miss mx".split(), "mr"),
}
_SOMEBODY: Final = NAMES | {"he", "mr", "kin"}
_STEPS: Final = (0.1, 0.2, 0.3, 0.4, 0.47, 0.55, 0.65, 0.75, 0.85)  # of the score of the rules
_STEM: Final = 5  # letters by which words of one family begin
_TWICE: Final = 2
_OFTEN: Final = 4


def features(examined: Examined) -> dict[str, float]:
    """Return what is in a message, each with its value, mostly 1. Bounded, whatever the size of the message."""
    found: dict[str, float] = dict.fromkeys(_said(_read(examined)), 1.0)
    found.update(_ruled(examined))
    return found


def _read(examined: Examined) -> Iterator[tuple[bool, list[Token]]]:
    """Yield (whether it is the subject, sentence)."""
    words, table, left = vocabulary(), senses(), _SENTENCES
    for item in examined.evidence:
        if item.text.source not in _READ:
            continue
        for sentence in sentences(item, words, table):
            if not left:
                return
            left -= 1
            yield item.text.source is Source.SUBJECT, sentence


def _said(read: Iterator[tuple[bool, list[Token]]]) -> Iterator[str]:
    everybody: set[str] = set()
    counts: Counter[str] = Counter()
    for is_subject, sentence in read:
        who = roles(sentence, _WHO)
        spoken = {name for token in sentence for name in token.senses}
        everybody |= who
        counts.update(spoken)
        yield from _words(sentence, is_subject=is_subject)
        yield from (f"{'subject ' * is_subject}class {name}" for name in spoken)
        yield from (f"pair {person} {name}" for name in spoken for person in who or ("nobody",))
    yield from (f"who {person}" for person in everybody)
    yield from (f"both {person} {name}" for name in counts for person in everybody)
    if everybody.isdisjoint(_SOMEBODY):
        yield "who nobody"
    yield from (f"twice {name}" for name, times in counts.items() if times >= _TWICE)
    yield from (f"often {name}" for name, times in counts.items() if times >= _OFTEN)


def _words(sentence: list[Token], *, is_subject: bool) -> Iterator[str]:
    last = "^"
    for word, kind, found in sentence:
        general = kind if kind[0] == "<" else f"{{{found[0]}}}" if found else word
        yield f"word {word}"
        if kind != word:
            yield f"word {kind}"
        if len(word) > _STEM and word[0] != "<":
            yield f"stem {word[:_STEM]}"
        if is_subject:
            yield f"subject {word}"
        yield f"next {last} {general}"
        last = general


def _ruled(examined: Examined) -> Iterator[tuple[str, float]]:
    """Yield what the rules say, as they would: score, the strongest of each role, how much health."""
    link, spoken = examined.link, [item for item in examined.evidence if item.text.source in _READ]
    yield "rules score", link.score
    for step in _STEPS:
        if link.score >= step:
            yield f"rules score {step}", 1.0
    yield "rules general", examined.generality
    if examined.generality >= _STEPS[1]:
        yield "rules quite general", 1.0
    yield from _people(spoken)
    words: dict[str, float] = {}
    kinds: dict[Kind, float] = {}
    for item in spoken:
        for mention in item.health:
            words[mention.value.lower()] = mention.strength
            kinds[mention.kind] = max(kinds.get(mention.kind, 0.0), mention.strength)
    yield from ((f"rules {kind}", strength) for kind, strength in kinds.items())
    yield "rules health", max(words.values(), default=0.0)
    yield "rules health words", min(len(words), 6) / 6
    if not words:
        yield "rules no health", 1.0


def _people(spoken: list[Evidence]) -> Iterator[tuple[str, float]]:
    best: dict[str, float] = {}
    roles_seen: set[Role] = set()
    values: set[str] = set()
    for item in spoken:
        for person in item.people:
            what = "" if person.role is Role.READER else f" {person.kind}"
            key = f"rules {person.role.name.lower()}{what}"
            best[key] = max(best.get(key, 0.5), person.strength)
            roles_seen.add(person.role)
            if person.role in {Role.PATIENT, Role.UNKNOWN}:
                values.add(person.value.lower())
    yield from best.items()
    yield "rules people", min(len(values), 4) / 4
    if not values:
        yield "rules no person", 1.0
        if Role.READER not in roles_seen:
            yield "rules nobody", 1.0
    if Role.STAFF not in roles_seen:
        yield "rules no staff", 1.0
