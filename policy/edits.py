"""What is put below a message and what is masked in it, by the rules that apply; and what is never touched. Pure.

The minimum necessary standard does not apply to what goes to a provider for treatment, to the individual, on an
authorization, or by law (45 CFR 164.502(b)(2)): such mail stays as it is. What its author signed stays as well, and
waits for a person where a rule would have changed it. The strictest counts: all texts are put below, all kinds masked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policy.facts import Facts
from policy.phi.report import Kind
from policy.rules.book import Rule

UNTOUCHED: Final = frozenset({"treatment", "individual", "access", "authorized", "required-by-law"})
SIGNED: Final = "Held: a rule would change it, and its author signed or encrypted it."
UNSAID: Final = (
    "Held: a rule would mask something, and nobody said what the message is for; it may be treatment, which is never"
    " changed (45 CFR 164.502(b)(2))."
)
MASKABLE: Final = (  # found by their shape or label, so that nothing is left of them
    Kind.SSN, Kind.MRN, Kind.DOB, Kind.PHONE, Kind.EMAIL, Kind.MEMBER_ID, Kind.ACCOUNT, Kind.CARD, Kind.BANK_ACCOUNT,
    Kind.LICENSE,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """below: texts, each once. kinds: to mask. held: why it waits for a person instead. kept: why it stays as it is."""

    below: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    held: str = ""
    kept: str = ""

    @property
    def changes(self) -> bool:
        return bool(self.below or self.kinds) and not self.held


NOTHING: Final = Edits()


def edits_of(facts: Facts, rules: Iterable[Rule]) -> Edits:
    """rules: those that apply to the message, in any order; one that is there twice counts once."""
    asked = {rule.name: rule for rule in rules}.values()
    below = tuple(sorted({rule.disclaimer for rule in asked} - {""}))
    kinds = frozenset(kind for rule in asked for kind in rule.redact)
    present = kinds & {finding.kind for finding in facts.report.findings}
    purpose = facts.sent.purpose.lower()
    if not below and not present:
        return NOTHING
    if purpose in UNTOUCHED:
        return Edits(kept=f"No rule changes it: its purpose is {purpose} (45 CFR 164.502(b)(2)).")
    if facts.report.signed_by_author or facts.report.encrypted:
        return Edits(held=SIGNED)
    if facts.report.phi and not purpose:
        if present:
            return Edits(held=UNSAID)
        return Edits(kept="No rule changes it: nobody said what it is for, and it may be treatment.")
    return Edits(below=below, kinds=present)
