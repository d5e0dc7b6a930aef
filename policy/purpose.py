"""What a message is for, who said so, and whether its words contradict that. Pure.

How this works: the nearest word counts: a control field that is believed, else a label of the configuration (which can
name a credential or a domain), else the words of the message. Words of the message only ever give purposes that ask for
more (marketing, fundraising, research); nothing that is merely written makes mail treatment. Two labels that disagree
are no purpose at all, and a contradiction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.phi.report import Sign, SignKind

UNKNOWN: Final = "unknown"
PURPOSES: Final = frozenset(  # interface.md, X-Mailward-Purpose; UNKNOWN where nobody said one
    (
        "unknown treatment payment operations individual access authorized marketing fundraising research public-health"
        " oversight judicial law-enforcement required-by-law workers-comp decedent involved-in-care"
    ).split()
)
PROMOTION: Final = frozenset({"marketing", "fundraising"})
SHOWN_BY: Final[Mapping[SignKind, str]] = {  # the strictest first: of two that show, the first counts
    SignKind.OFFER: "marketing",
    SignKind.APPEAL: "fundraising",
    SignKind.STUDY: "research",
}
# What a claim may be although the words show this: a claim that asks for at least as much. Who tells of a study in
# treatment need not do research, so the words of one contradict nothing.
STANDS: Final[Mapping[str, frozenset[str]]] = {
    "marketing": frozenset({"marketing"}),  # 45 CFR 164.501
    "fundraising": frozenset({"fundraising", "marketing"}),  # 45 CFR 164.514(f)
}
ENOUGH: Final = 2  # different phrases; one may stand in any mail


class PurposeSource(StrEnum):
    """Who said what a message is for."""

    HEADER = "header"
    LABEL = "label"
    CONTENT = "content"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Purpose:
    """word: one of PURPOSES. why: in words. contradiction: what speaks against it, in words; empty: nothing."""

    word: str = UNKNOWN
    source: PurposeSource = PurposeSource.NOBODY
    why: str = "Nobody said what it is for."
    contradiction: str = ""


def judge_purpose(said: str, labels: Collection[str], signs: Sequence[Sign]) -> Purpose:
    """Settle what a message is for.

    said: the word of a field that is believed, else empty; one that is not known is none. labels: those of the
    configuration that fit it.
    """
    word, shown = said.strip().lower(), _shown(signs)
    if word in PURPOSES and word != UNKNOWN:
        why = f"Its purpose is {word}: its sender's system says so (X-Mailward-Purpose)."
        return Purpose(word, PurposeSource.HEADER, why, _contradiction(word, shown))
    named = sorted(set(labels))
    if len(named) > 1:
        why = f"Labels of the configuration disagree what it is for: {', '.join(named)}."
        return Purpose(UNKNOWN, PurposeSource.LABEL, why, why)
    if named:
        why = f"Its purpose is {named[0]}: a label of the configuration says so."
        return Purpose(named[0], PurposeSource.LABEL, why, _contradiction(named[0], shown))
    for purpose, phrases in shown.items():
        return Purpose(purpose, PurposeSource.CONTENT, f"Its purpose is {purpose}: it says {phrases}.")
    return Purpose()


def _shown(signs: Sequence[Sign]) -> Mapping[str, str]:
    """The purposes that the words show, each with the phrases."""
    found: dict[str, str] = {}
    for kind, purpose in SHOWN_BY.items():
        phrases = [f'"{sign.phrase}" ({sign.place})' for sign in signs if sign.kind is kind]
        if len(phrases) >= ENOUGH:
            found[purpose] = " and ".join(phrases[:ENOUGH])
    return found


def _contradiction(word: str, shown: Mapping[str, str]) -> str:
    for purpose, phrases in shown.items():
        if word not in STANDS.get(purpose, PURPOSES):
            return f"It is said to be {word}, but reads like {purpose}: {phrases}."
    return ""
