"""What the model says of a message beside the rules, and what may follow from it.

It may raise any message that speaks of somebody in particular. It may lower one only where the rules hang on a weak tie
in the text of the mail itself: never where a label or the organisation's list says who is a patient, and never in an
attachment (fail closed).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from policy.phi.examine import Examined
from policy.phi.learned.tokens import NAMES
from policy.phi.learned.weights import BIAS, Model
from policy.phi.mention import Role
from policy.phi.report import Kind
from policy.phi.text import Source
from policy.phi.tie import THRESHOLD, Tie

RAISES: Final = -0.08  # a miss is worse than a false alarm: from this margin on a short message is PHI
_LONG: Final = 1_500  # characters; of longer mail it has learned nothing, and there the rules have more to go by
_LONG_TOGETHER: Final = 2_500  # of all forms of a body (plain text, HTML)
_SHORT: Final = (
    500  # characters; in longer mail capitals and pronouns stand anyway, so that it takes a name to raise it
)
_NAMED: Final = frozenset({"who <person>", "who <given>"})
_GENERAL: Final = 0.5  # from this generality on (newsletters, articles) the words are about people in general
LOWERS: Final = -0.4  # up to this margin a weak tie is none
# Who must be there, at least: a name or what looks like one, a title, a relative, the writer or reader, a number.
_SOMEBODY: Final = frozenset(f"who {who}" for who in (*NAMES, "mr", "kin", "me", "you")) | {"word <number>"}
# And what: a word of one of these classes.
_CARE: Final = frozenset(
    f"class {name}"
    for name in (
        *("body", "symptom", "illness", "care", "drug", "device", "measure", "place", "clinician", "payer"),
        *("ill", "treated", "claim", "dead"),
        *(f"rules {kind}" for kind in Kind if kind.is_health),
    )
)
_SPOKEN: Final = frozenset({Source.BODY, Source.SUBJECT})
_WEAK: Final = 0.9  # a tie below it is weak, and so is a name that no label makes a patient's
_MARGIN: Final = 0.35  # of the score per unit of margin


@dataclass(frozen=True, slots=True)
class Opinion:
    """margin: above 0 for PHI. shares: what each feature adds to it. is_complete: both somebody and health
    may be in it. is_named: somebody by a name that is one.
    """

    margin: float
    shares: Mapping[str, float]
    is_complete: bool
    is_named: bool = False


SILENT: Final = Opinion(0.0, {}, is_complete=False)


def weigh(found: Mapping[str, float], model: Model) -> Opinion:
    """Weigh the features of a message."""
    shares = model.shares(found)
    is_complete = not (_SOMEBODY.isdisjoint(found) or _CARE.isdisjoint(found))
    return Opinion(
        model.weights[BIAS] + sum(shares.values()), shares, is_complete, is_named=not _NAMED.isdisjoint(found)
    )


def joined(examined: Examined, said: Opinion) -> Tie:
    """Return the tie of the rules with the score that the model makes of it."""
    link = examined.link
    if is_long(examined):
        return link
    if link.score < THRESHOLD and said.margin >= RAISES and said.is_complete and _may_be_raised(examined, said):
        return replace(link, score=min(1.0, THRESHOLD + _MARGIN * (said.margin - RAISES)))
    if link.score >= THRESHOLD and said.margin <= LOWERS and _may_be_lowered(examined):
        return replace(link, score=max(0.0, THRESHOLD - 0.01 + _MARGIN * (said.margin - LOWERS)))
    return link


def is_long(examined: Examined) -> bool:
    """Tell whether a body, or all together, is longer than what the model was trained on: it has no opinion then."""
    lengths = [len(item.text.content) for item in examined.evidence if item.text.source is Source.BODY]
    return max(lengths, default=0) > _LONG or sum(lengths) > _LONG_TOGETHER


def _may_be_raised(examined: Examined, said: Opinion) -> bool:
    """A newsletter may not, nor a note about "the patient", however much the words are those of care."""
    spoken = sum(len(item.text.content) for item in examined.evidence if item.text.source in _SPOKEN)
    return examined.generality < _GENERAL and (spoken <= _SHORT or said.is_named)


def _may_be_lowered(examined: Examined) -> bool:
    link = examined.link
    is_spoken = link.text is not None and link.text.source in _SPOKEN
    if link.score >= _WEAK or not is_spoken:
        return False
    return not any(
        person.role is Role.PATIENT and (person.kind is not Kind.NAME or person.strength >= _WEAK)
        for item in examined.evidence
        for person in item.people
    )
