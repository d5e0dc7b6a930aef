"""Words and numbers about health: vocabulary, doses, ages, laboratory values, diagnosis codes."""

import re
from collections.abc import Iterator
from typing import Final

from policy.phi.anchored import DIGITS, Anchored
from policy.phi.data.load import Term, Vocabulary
from policy.phi.mention import Mention
from policy.phi.normalise import lower_case
from policy.phi.report import Kind

_DOSE: Final = Anchored(
    r"\b\d{1,5}(?:\.\d{1,3})? ?(?:mg|mcg|µg|μg|ml|meq|units?|iu|puffs?)\b(?:/(?:kg|day|dl|ml))?", at=DIGITS
)
_NUMBERS: Final = "one two three four five six seven eight nine ten eleven twelve".split()
_AGE: Final = Anchored(
    rf"\b(?:\d{{1,3}}|{'|'.join(_NUMBERS)})[- ]{{0,2}}(?:year|yr|month|week|day)s?[- ]{{1,2}}olds?\b"
    r"|\b\d{1,3} ?y/?o\b",
    *_NUMBERS,
    at=DIGITS,
)
_CODE: Final = Anchored(r"\b([A-TV-Z]\d[0-9A-B])\.[0-9][0-9A-Z]{0,3}\b", at=r"[A-TV-Z]\d")
_VALUE_AFTER: Final = re.compile(
    r"(?: level| count| result)?[ :=]{1,4}(?:is |was |of |at |came back |= ?)?(?:\d|<|>|positive|negative"
    r"|high|low|elevated|abnormal|reactive)",
    re.IGNORECASE,
)
# Vocabulary terms that are also plain words or names unless written in capitals.
_CAPITALS_ONLY: Final = frozenset("aids als ana alt ast bid bun sob cea tia esr ent nad coded".split())
_TERMS: Final = 3_000  # in one text; more adds nothing to a verdict


def find_health(text: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return what a normalised text says about health: the longest terms, without overlap, then shapes. Linear."""
    lower = lower_case(text)
    found = list(_terms(text, lower, vocabulary))
    for count, match in enumerate(_CODE.finditer(text)):
        if count >= _TERMS:
            break
        if match[1].lower() in vocabulary.categories:
            found.append(Mention(Kind.DIAGNOSIS, *match.span(), match[0], 0.8, "a diagnosis code of ICD-10-CM"))
    for pattern, kind, strength, why in (
        (_DOSE, Kind.DRUG, 0.35, "an amount as of a dose"),
        (_AGE, Kind.CLINICAL, 0.5, "an age as in a case description"),
    ):
        for count, match in enumerate(pattern.finditer(lower)):
            if count >= _TERMS:
                break
            found.append(Mention(kind, *match.span(), text[match.start() : match.end()], strength, why))
    return found


def _terms(text: str, lower: str, vocabulary: Vocabulary) -> Iterator[Mention]:
    last_start, last_end, best = -1, -1, None
    for count, (start, end, term) in enumerate(_bounded(lower, vocabulary)):
        if count >= _TERMS * 4:
            break
        if start >= last_end:
            if best is not None:
                yield best
            best = None
        elif start > last_start or end <= last_end:
            continue
        mention = _mention(text, start, end, term)
        if mention is not None:
            last_start, last_end, best = start, end, mention
    if best is not None:
        yield best


def _bounded(lower: str, vocabulary: Vocabulary) -> Iterator[tuple[int, int, Term]]:
    """Yield whole-word matches in order of start, longer first for the same start."""
    size = len(lower)
    window: list[tuple[int, int, Term]] = []
    for last, term in vocabulary.automaton.iter(lower):
        end = last + 1
        start = end - len(term.text)
        if (start == 0 or not lower[start - 1].isalnum()) and (
            end == size or not lower[end].isalnum() or _is_plural(lower, end)
        ):
            window.append((start, end, term))
    window.sort(key=lambda match: (match[0], -match[1]))
    return iter(window)


def _is_plural(lower: str, end: int) -> bool:
    return lower[end] == "s" and (end + 1 == len(lower) or not lower[end + 1].isalnum())


def _mention(text: str, start: int, end: int, term: Term) -> Mention | None:
    kind, strength, word = term.kind, term.weight, term.text
    written = text[start:end]
    value_follows = kind is Kind.LAB and _VALUE_AFTER.match(text, end)
    if word in _CAPITALS_ONLY and not written.isupper() and not value_follows:
        return None
    if value_follows:
        return Mention(kind, start, end, written, max(strength, 0.85), "a laboratory test with a value")
    return Mention(kind, start, end, written, strength, f"a term of the vocabulary for {kind.value}")
