"""Why a message is protected, whoever receives it: one ground is enough, and none can take another back. Pure.

The one exception is what a patient chose for mail about themselves: `chose_plain`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from policy.decision import PolicyDefault
from policy.facts import Facts, RecipientFacts
from policy.people import Position
from policy.phi.report import TOPICS, Kind


def _could_not_read(facts: Facts) -> str:
    parts = facts.report.uninspectable
    if not parts:
        return ""
    more = f", and {len(parts) - 1} more" if len(parts) > 1 else ""
    return f"Something could not be read ({parts[0].place}: {parts[0].reason}{more}), so it counts as protected."


def _asked(facts: Facts) -> str:
    lowest = facts.report.lowest_method
    return f"The sender's system asked for {lowest} or more (X-Mailward-Method)." if lowest else ""


def _said(applies: Callable[[Facts], bool], sentence: str) -> Callable[[Facts], str]:
    return lambda facts: sentence if applies(facts) else ""


CLASSIFIED: Final = "What a law of its own protects is always protected."
# Each row gives a sentence, or "" when it has nothing to say.
GROUNDS: Final[tuple[Callable[[Facts], str], ...]] = (
    _said(
        lambda facts: facts.default is PolicyDefault.PROTECT_ALL,
        "Policy protects every message (policy.default = protect-all).",
    ),
    lambda facts: (
        f"It holds health information about a person (score {facts.report.score:.2f})." if facts.report.phi else ""
    ),
    _could_not_read,
    _said(lambda facts: facts.report.tagged, "The sender tagged the subject, which asks for protection."),
    _said(
        lambda facts: facts.report.encrypted,
        "The body is encrypted already, but its subject and headers are not, so it is protected all the same.",
    ),
    _asked,
    lambda facts: " ".join((*facts.sent.sensitivity_why, CLASSIFIED)) if facts.sent.sensitivity else "",
    _said(lambda facts: facts.requiretls, "The sender asked for verified TLS on the whole way (REQUIRETLS)."),
)


ABOUT_THEMSELVES: Final = frozenset({"individual", "access"})  # purposes of mail to a person about that person
ONE_PERSON: Final = frozenset({Kind.SSN, Kind.MRN, Kind.MEMBER_ID, Kind.DOB})  # of which nobody has two


def chose_plain(facts: Facts, to: RecipientFacts) -> bool:
    """Whether a person's own recorded choice lets health information about that person go to them unprotected.

    45 CFR 164.522(b) and 164.524(c)(3), as 78 FR 5634 (2013) reads them: after a warning. It counts only where health
    information is the one ground, the sender's system says that the mail is to the person it is about, nobody else
    gets it, and nothing in it points at a second person or at a topic that needs more than that.
    """
    if not to.consents.unencrypted or to.consents.confidential:
        return False
    report = facts.report
    if facts.sent.purpose.lower() not in ABOUT_THEMSELVES:
        return False
    kinds = Counter(finding.kind for finding in report.findings)
    return (
        not facts.sent.contradiction
        and to.standing.position in {Position.SELF, Position.UNKNOWN}
        and len(facts.addresses) == 1
        and not report.bulk
        and all(kinds[kind] <= 1 for kind in ONE_PERSON)
        and TOPICS.isdisjoint(kinds)
        and not grounds(replace(facts, report=replace(report, phi=False)))
    )


def grounds(facts: Facts) -> tuple[str, ...]:
    """One sentence a reason; empty when the message is not protected."""
    return tuple(sentence for ground in GROUNDS if (sentence := ground(facts)))
