"""Join people and health: PHI is an individual and a health fact about that individual in one message.

How this works: every mention of a person has a strength (how surely an individual in the patient's role), every health
mention a weight (how much it says). Health counts for a person by nearness: full in the same lines, less further off,
less again from another part of the message. The weights around one person join as independent hints, 1 - (1-a)(1-b)…,
and the message's score is the best product of person and health. Names without any cue, and mail that speaks to its
reader, count less in mass mail and articles; labelled numbers and names in the patient's role do not.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.text import Source, Text
from policy.phi.view import View
from policy.phi.zones import Zones

THRESHOLD: Final = 0.47  # of the score; from it on the message is PHI

_NEAR: Final = ((120, 1.0), (400, 0.92), (1500, 0.75), (1 << 62, 0.5))  # distance in characters, share that counts
_ELSEWHERE: Final = 0.6  # share of health in another text of the same message
_LETTER: Final = 0.9  # from it on a mail that speaks to its reader is a letter, with a footer of mass mail or without
_LETTER_SHARE: Final = 0.4
_POOL: Final = 64  # health mentions of the other texts that are tried
_HINTS: Final = 8  # health mentions joined for one person; more adds nothing
WEAK: Final = 0.35  # health words up to this weight ("clinic") never make PHI by themselves
_WEAK_TOGETHER: Final = 0.45
_PEOPLE: Final = 400  # people tried in one text
_OF_ITSELF: Final = {Kind.MRN: 0.4, Kind.MEMBER_ID: 0.3}  # who has such a number is somebody's patient or member
_BESIDE: Final = 0.1  # what an unknown person gains in one sentence with health
_APART: Final = 0.15  # what it loses outside
_SENTENCE: Final = 90  # characters
_PRONOUN: Final = re.compile(r"\b(?:[Hh]e|[Ss]he|[Hh]is|[Hh]er|[Hh]im)\b")
_SENTENCE_END: Final = re.compile(r"[.!?][ \n]|\n\n")
_SPOKEN_SOURCES: Final = frozenset({Source.SUBJECT, Source.FILE_NAME})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One text with what was found in it, zones already taken into account. asides: what decides nothing.

    exempt: mentions that were left out, since the organisation says that their value is nobody's. zones: which
    stretches speak about the mail; None where there are none.
    """

    text: Text
    view: View
    people: tuple[Mention, ...]
    health: tuple[Mention, ...]
    asides: tuple[Mention, ...] = ()
    exempt: tuple[Mention, ...] = ()
    zones: Zones | None = None


@dataclass(frozen=True, slots=True)
class Tie:
    """The strongest link between a person and health: how strong (0 to 1), between what, and how near."""

    score: float
    person: Mention | None = None
    text: Text | None = None
    health: Mention | None = None
    is_same_text: bool = False


def tie(evidence: Sequence[Evidence], *, generality: float) -> Tie:
    """Return the strongest tie of a message. generality: 0 to 1, how much it speaks about people in general."""
    best = Tie(0.0)
    everywhere = sorted(
        ((mention, index) for index, item in enumerate(evidence) for mention in _strongest(item.health)),
        key=lambda entry: -entry[0].strength,
    )
    for index, here in enumerate(evidence):
        elsewhere = [mention for mention, other in everywhere if other != index][:_POOL]
        starts = [mention.start for mention in here.health]
        strongest = _strongest(here.health)
        for person in _worth_trying(here.people):
            strength = _individual(person, here, generality)
            if strength <= best.score:
                continue
            hints = sorted(_hints(person, here.health, starts, (strongest, elsewhere)), key=lambda hint: -hint[0])
            of_itself = _OF_ITSELF.get(person.kind, 0.0) if hints and person.role is Role.PATIENT else 0.0
            score = strength * (1 - (1 - _joined(hints)) * (1 - of_itself))
            if score > best.score and hints:
                _, mention, is_same = hints[0]
                best = Tie(score, person, here.text, mention, is_same)
    return best


def _worth_trying(people: Sequence[Mention]) -> Sequence[Mention]:
    return sorted(people, key=lambda person: -person.strength)[:_PEOPLE]


def _strongest(health: Sequence[Mention]) -> Sequence[Mention]:
    return sorted(health, key=lambda mention: -mention.strength)[:_HINTS]


def _individual(person: Mention, here: Evidence, generality: float) -> float:
    """Return how surely a mention points at an individual in the patient's role, in this place and kind of mail."""
    if person.role is Role.STAFF:
        return 0.0
    if person.role is Role.READER:
        return person.strength * (1 - (_LETTER_SHARE if person.strength >= _LETTER else 0.7) * generality)
    if person.role is Role.UNKNOWN:
        change = 0.0
        if person.kind is Kind.NAME:
            change = _BESIDE if here.text.source in _SPOKEN_SOURCES or _shares_sentence(person, here) else -_APART
        return (person.strength + change) * (1 - 0.5 * generality)
    return person.strength


def _shares_sentence(person: Mention, here: Evidence) -> bool:
    """Tell whether something telling about health stands in the person's sentence, or the next one says "she"."""
    if _PRONOUN.search(here.text.content, person.end, person.end + _SENTENCE):
        return True
    middle = bisect_left(here.health, person.start, key=lambda mention: mention.start)
    for mention in here.health[max(0, middle - 2) : middle + 2]:
        first, last = min(person.end, mention.end), max(person.start, mention.start)
        if (
            mention.strength > WEAK
            and last - first <= _SENTENCE
            and not _SENTENCE_END.search(here.text.content, first, last)
        ):
            return True
    return False


def _hints(
    person: Mention,
    health: Sequence[Mention],
    starts: Sequence[int],
    others: tuple[Sequence[Mention], Sequence[Mention]],
) -> Iterator[tuple[float, Mention, bool]]:
    """Yield (share that counts, mention, whether in the same text), the nearest of this text first.

    others: the strongest of this text, and those of other texts.
    """
    strongest, elsewhere = others
    middle = bisect_left(starts, person.start)
    for mention in (*health[max(0, middle - 3 * _HINTS) : middle + 3 * _HINTS], *strongest):
        if mention.start < person.end and person.start < mention.end and person.role is not Role.READER:
            continue  # the name itself reads like a term ("Rose Bush, Lily")
        distance = max(mention.start - person.end, person.start - mention.end, 0)
        yield mention.strength * next(share for limit, share in _NEAR if distance <= limit), mention, True
    for mention in elsewhere:
        yield mention.strength * _ELSEWHERE, mention, False


def _joined(hints: Sequence[tuple[float, Mention, bool]]) -> float:
    """Join hints as independent ones; the same word counts once, weak words only so far."""
    seen: set[str] = set()
    strong = weak = 1.0
    for share, mention, _ in hints:
        word = mention.value.lower()
        if word in seen or len(seen) >= _HINTS:
            continue
        seen.add(word)
        if mention.strength <= WEAK:
            weak *= 1 - share
        else:
            strong *= 1 - share
    return 1 - strong * max(weak, 1 - _WEAK_TOGETHER)
