"""What is put below a message and what is masked in it, by the rules that apply; and what is never touched. Pure.

The minimum necessary standard does not apply to what goes to a provider for treatment, to the individual, on an
authorization, or by law (45 CFR 164.502(b)(2)): such mail stays as it is. What its author signed stays as well, and
waits for a person where a rule would have changed it. The strictest counts: all texts are put below, all kinds masked.

A notice is another thing: a law wants it with what goes out (42 CFR 2.32), so it is put below mail of any purpose, and
what its author signed waits for a person, or for its author to write it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from policy.facts import Facts
from policy.phi.report import Kind, Report
from policy.rules.book import Rule

UNTOUCHED: Final = frozenset({"treatment", "individual", "access", "authorized", "required-by-law"})
SIGNED: Final = "Held: a rule would change it, and its author signed or encrypted it."
SIGNED_UNNOTICED: Final = (
    "Held: a law wants a notice with it, and its author signed or encrypted it; its author can write the notice in it."
)
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
    """below: texts, each once. kinds: to mask. held: why it waits for a person instead. kept: why it stays as it is.

    notices: texts that a law wants below it; noticed: the names of the rules that say so.
    """

    below: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    held: str = ""
    kept: str = ""

    @property
    def changes(self) -> bool:
        return bool(self.below or self.notices or self.kinds) and not self.held


NOTHING: Final = Edits()


def edits_of(facts: Facts, rules: Iterable[Rule]) -> Edits:
    """rules: those that apply to the message, in any order; one that is there twice counts once."""
    applying = {rule.name: rule for rule in rules}
    wanted = _edits_of(facts, applying.values())
    noticed = tuple(sorted(name for name, rule in applying.items() if rule.notice))
    if not noticed or wanted.held:
        return wanted
    if facts.report.signed_by_author or facts.report.encrypted:
        return replace(wanted, held=SIGNED_UNNOTICED)
    return replace(wanted, notices=tuple(sorted({applying[name].notice for name in noticed})), noticed=noticed)


def lacking(rules: Iterable[Rule], report: Report) -> tuple[str, ...]:
    """The rules that apply to one recipient whose notice is not below the message as it is kept."""
    return tuple(rule.name for rule in rules if rule.notice and rule.name not in report.noticed)


def _edits_of(facts: Facts, asked: Collection[Rule]) -> Edits:
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
