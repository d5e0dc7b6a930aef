"""Topics that the law treats apart: substance use, mental health, HIV, reproduction, minors.

How this works: a topic is read off the health terms that were found anyway (their words, a code's category, an age), so
it costs next to nothing; a few phrases tell of minors by themselves. A topic says what a text speaks about. The legal
class is not ours: who holds the record decides that (42 CFR 2.11, 45 CFR 164.501), so rules name a topic together with
a sender, a role or `phi`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import Final

from policy.phi.anchored import Anchored
from policy.phi.data.load import vocabulary
from policy.phi.mention import Mention
from policy.phi.report import TOPICS, Kind
from policy.phi.view import View

_SURE: Final = 0.9
_WHY: Final = {kind: f"a health term about {kind.value.replace('_', ' ')}" for kind in TOPICS}
# Categories of ICD-10-CM. Tobacco (F17) is no substance in the sense of 42 CFR 2.11.
_CODES: Final = (
    (Kind.SUBSTANCE_USE, re.compile(r"f1[0-689]|t40")),
    (Kind.MENTAL_HEALTH, re.compile(r"f[2-6]\d|f9\d|t14\.91|r45\.85")),
    (Kind.HIV, re.compile(r"b20|z21|o98\.7|z20\.6")),
    (Kind.REPRODUCTIVE, re.compile(r"o\d|z3[0-79]|n9[67]|n46|z64\.0")),
    (Kind.MINORS, re.compile(r"p\d|z00\.12|z00\.11|t74\.[0-9]2")),
)
_CODE: Final = re.compile(r"[a-tv-z]\d[0-9ab](?:\.?[0-9a-z]{1,4})?")
_MAJORITY: Final = 18  # years; some states differ, which is policy's business
_AGE: Final = re.compile(r"(\d{1,3}|[a-z]+)[- ]{0,2}(year|yr|month|week|day|y/?o)")
_NUMBERS: Final = frozenset("one two three four five six seven eight nine ten eleven twelve".split())
_MINOR_AGE: Final = Anchored(r"\bage[d:]? (?:1[0-7]|[1-9])(?![\w%/]|[.,-]\d| ?(?:to|or|and|through|-|\+)(?!\w))", "age")
_MINOR: Final = Anchored(
    r"\b(?:(?:my|her|his|their|your) (?:(?:little|baby) (?:boy|girl)|toddler|infant|newborn"
    r"|minor (?:son|daughter|child))|(?:the|a|this) minor (?:child|patient)|minor patient|unaccompanied minor"
    r"|(?:parent|guardian) of (?:the )?minor)\b",
    *("my ", "her ", "his ", "their ", "your", "the minor", "a minor", "this minor", "minor patient"),
    *("unaccompanied minor", "parent of", "guardian of"),
)
_PHRASES: Final = ((_MINOR_AGE, 0.7, "an age under 18"), (_MINOR, 0.85, "words for a minor"))
WORDS: Final = frozenset((*_MINOR.words, *_MINOR_AGE.words))
_DENIED: Final = re.compile(
    r"\b(?:den(?:y|ies)|denied (?:any|having|history|use)|no (?:history|evidence|signs?) of|negative for|without"
    r"|rules? out|ruled out|never had)[^.!?;,\n]{0,24}\Z|\b(?:no|not) \Z"
)
_LOOK_BACK: Final = 48
_DENIED_SHARE: Final = 0.4  # "denies alcohol use" speaks of it all the same
_MOST: Final = 500  # of one text


def find_topics(view: View, health: Sequence[Mention]) -> Iterator[Mention]:
    """Yield topics at the health terms that show them. health: of this text. Linear."""
    for mention in islice(health, _MOST * 8):
        for kind, certainty in _topics(mention.value.lower(), is_diagnosis=mention.kind is Kind.DIAGNOSIS):
            share = _DENIED_SHARE if _is_denied(view, mention.start) else 1.0
            yield Mention(kind, mention.start, mention.end, mention.value, certainty * share, _WHY[kind])
    for pattern, certainty, why in _PHRASES:
        for match in islice(pattern.finditer(view), _MOST):
            start, end = match.span()
            yield Mention(Kind.MINORS, start, end, view.text[start:end], certainty, why)


@cache
def _expressions() -> tuple[tuple[Kind, float, re.Pattern[str]], ...]:
    return tuple(
        (kind, certainty, re.compile(rf"(?<![\w-])(?:{'|'.join(map(_expression, stems))})"))
        for kind, certainty, stems in vocabulary().topics
    )


def _expression(stem: str) -> str:
    return re.escape(stem).replace(r"\^", r"\A").replace(r"\$", r"(?![\w-])")


@lru_cache(maxsize=8192)
def _topics(term: str, *, is_diagnosis: bool) -> tuple[tuple[Kind, float], ...]:
    """Return the topics of a health term or code, each once, with its certainty."""
    if is_diagnosis and _CODE.fullmatch(term):
        dotted = term if "." in term or len(term) < 4 else f"{term[:3]}.{term[3:]}"
        return tuple((kind, _SURE) for kind, codes in _CODES if codes.match(dotted))
    found: dict[Kind, float] = {}
    for kind, certainty, stems in _expressions():
        if stems.search(term):
            found.setdefault(kind, certainty)
    if _is_minor_age(term):
        found[Kind.MINORS] = _SURE
    return tuple(found.items())


def _is_minor_age(term: str) -> bool:
    """Tell whether a term such as "9-year-old", "8 month old" or "12 y/o" is the age of a minor."""
    match = _AGE.match(term)
    if not match:
        return False
    if match[1].isdigit():
        return match[2] not in {"year", "yr", "yo", "y/o"} or int(match[1]) < _MAJORITY
    return match[1] in _NUMBERS


def _is_denied(view: View, start: int) -> bool:
    return _DENIED.search(view.lower[max(0, start - _LOOK_BACK) : start]) is not None
