"""Which legal class a message is of, and who said so. Pure.

The classifier's topics are facts and no classes: the same words fall under another law in another's mail. A class comes
from a control field that is believed (X-Mailward-Sensitivity), from labels of the configuration (which can name a
credential or a domain), and from a marking on the message itself. All of them count together: a class is only ever
added. A word that nobody knows, from a system that is believed, means all classes: which of them, it would have told.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.phi.report import Report, SignKind


class Sensitivity(StrEnum):
    """A class that a law of its own protects; the value is the word of X-Mailward-Sensitivity."""

    PART2 = "part2"  # substance use disorder records: 42 CFR part 2
    PSYCHOTHERAPY = "psychotherapy"  # notes: 45 CFR 164.501, 164.508(a)(2)
    HIV = "hiv"  # state law
    REPRODUCTIVE = "reproductive"  # state law


MARKED_BY: Final[Mapping[SignKind, Sensitivity]] = {
    SignKind.PART2: Sensitivity.PART2,
    SignKind.PART2_NOTICE: Sensitivity.PART2,
    SignKind.PSYCHOTHERAPY: Sensitivity.PSYCHOTHERAPY,
}
STATE: Final = re.compile(r"[A-Z]{2}")  # USPS abbreviation
_APART: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Judged:
    """classes: in the order of Sensitivity, each once. why: one sentence a source, in words."""

    classes: tuple[Sensitivity, ...] = ()
    why: tuple[str, ...] = ()


def judge_sensitivity(said: str, labels: Collection[Sensitivity], report: Report) -> Judged:
    """Settle of which classes a message is.

    said: the words of a field that is believed, else empty. labels: those of the configuration that fit it.
    """
    by_header, by_marking = _said(said), _marked(report)
    sources = (
        (by_header, "its sender's system says so (X-Mailward-Sensitivity)"),
        (frozenset(labels), "a label of the configuration says so"),
        (by_marking, "it is marked so"),
    )
    found = by_header | frozenset(labels) | by_marking
    return Judged(
        tuple(one for one in Sensitivity if one in found),
        tuple(f"Its class is {_named(classes)}: {how}." for classes, how in sources if classes),
    )


def with_classes(classes: Collection[Sensitivity], more: Collection[Sensitivity]) -> tuple[Sensitivity, ...]:
    """All of them, in the order of Sensitivity, each once."""
    return tuple(one for one in Sensitivity if one in classes or one in more)


def _said(text: str) -> frozenset[Sensitivity]:
    words = {word for word in _APART.split(text.strip().lower()) if word}
    known = {one.value for one in Sensitivity}
    return frozenset(Sensitivity) if words - known else frozenset(Sensitivity(word) for word in words)


def _marked(report: Report) -> frozenset[Sensitivity]:
    """What is written on it counts where there is anything that it can be about; else it speaks of the law alone."""
    if not report.protected and not any(one.kind.is_health or one.kind.is_topic for one in report.findings):
        return frozenset()
    return frozenset(MARKED_BY[sign.kind] for sign in report.signs if sign.kind in MARKED_BY)


def _named(classes: Collection[Sensitivity]) -> str:
    return ", ".join(one.value for one in Sensitivity if one in classes)
