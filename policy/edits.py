"""What is put below a recipient's copy and what is masked in it, by the rules that apply; what is never touched. Pure.

The minimum necessary standard does not apply to what goes to a provider for treatment, to the individual, on an
authorization, or by law (45 CFR 164.502(b)(2)): such a copy stays as it is, whatever becomes of the others. What its
author signed stays as well, and waits for a person where a rule would have changed it. The strictest counts: all texts
are put below, all kinds masked.

A notice is another thing: a law wants it with what goes out (42 CFR 2.32), so it is put below mail of any purpose, and
what its author signed waits for a person, or for its author to write it. What is below a message is remembered by marks
(`Report.noticed`), so that a release sees what a law wants now and is not there yet (`owed`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from policy.baa import Relation
from policy.facts import Facts, RecipientFacts
from policy.people import Position
from policy.phi.report import Kind, Report, SignKind
from policy.rules.book import Rule
from policy.sensitivity import Sensitivity

UNTOUCHED: Final = frozenset({"treatment", "individual", "access", "authorized", "required-by-law"})
ARE_THE_INDIVIDUAL: Final = frozenset({Position.SELF, Position.REPRESENTATIVE})  # the latter: 45 CFR 164.502(g)(1)
SIGNED: Final = "Held: a rule would change it, and its author signed or encrypted it."
SIGNED_UNNOTICED: Final = (
    "Held: a law wants a notice with it, and its author signed or encrypted it; its author can write the notice in it."
)
# 42 CFR 2.32(b): a copy of the consent, or a clear explanation of its scope, goes with what is disclosed on it.
SCOPE: Final = "It is disclosed to you with the patient's written consent, which permits this {}."
SCOPE_MARK: Final = "scope: "  # and what the consent covers; no rule has such a name
_AS: Final = " as "  # between the name of what is below and a hash of its text
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

    notices: texts that a law wants below it; noticed: the names of the rules that say so; marks: what is below the
    message then, as `Report.noticed` has it.
    """

    below: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    held: str = ""
    kept: str = ""

    @property
    def changes(self) -> bool:
        return bool(self.below or self.notices or self.kinds) and not self.held

    @property
    def has_scope(self) -> bool:
        """Whether what the consent covers is among the notices."""
        return any(mark.startswith(SCOPE_MARK) for mark in self.marks)


NOTHING: Final = Edits()


def edits_of(facts: Facts, to: RecipientFacts, rules: Iterable[Rule]) -> Edits:
    """Of one recipient's copy. rules: those that apply to it, in any order; one that is there twice counts once."""
    applying = {rule.name: rule for rule in rules}
    wanted = _edits_of(facts, to, applying.values())
    noticed, scope = _by_law(facts, to, applying.values())
    if not (noticed or scope) or wanted.held:
        return wanted
    return _with_notices(wanted, facts, noticed, scope)


def owed(facts: Facts, to: RecipientFacts, rules: Iterable[Rule]) -> Edits:
    """What a law wants below one recipient's copy and is not there yet. rules: those that apply to it now."""
    noticed, scope = _by_law(facts, to, rules)
    there = facts.report.noticed
    missing = tuple(rule for rule in noticed if not is_told(rule.name, rule.notice, there))
    scope = "" if {SCOPE_MARK + one for one in to.consents.part2_scopes} & {*there} else scope
    return _with_notices(NOTHING, facts, missing, scope) if missing or scope else NOTHING


def is_outdated(facts: Facts, to: RecipientFacts) -> bool:
    """Whether it says that it goes out on a consent which is not there any more, whatever other one is."""
    told = {mark.removeprefix(SCOPE_MARK) for mark in facts.report.noticed if mark.startswith(SCOPE_MARK)}
    return bool(told - {*to.consents.part2_scopes})


def scope_marks(facts: Facts) -> tuple[str, ...]:
    """What an older release told of a consent below a message, which its report does not say. facts: its first ones."""
    there, is_part2 = facts.report.noticed, Sensitivity.PART2 in facts.sent.sensitivity
    if not there or not is_part2 or any(mark.startswith(SCOPE_MARK) or _AS in mark for mark in there):
        return ()
    scopes = {to.consents.part2_scope for to in facts.recipients}
    return tuple(sorted(SCOPE_MARK + scope for scope in scopes if scope))


def awaits_scope(facts: Facts, to: RecipientFacts) -> bool:
    """Whether a consent that comes while a copy waits would put a scope below it that is for this recipient alone."""
    is_sealed = facts.report.signed_by_author or facts.report.encrypted
    return Sensitivity.PART2 in facts.sent.sensitivity and not to.consents.part2_scope and not is_sealed


def _by_law(facts: Facts, to: RecipientFacts, rules: Iterable[Rule]) -> tuple[tuple[Rule, ...], str]:
    """The rules that want a notice, in the order of their names, and the scope of the consent."""
    noticed = tuple(sorted({rule.name: rule for rule in rules if rule.notice}.values(), key=lambda rule: rule.name))
    return noticed, _scope_for(facts, to) if noticed or _is_noticed(facts) else ""


def _with_notices(wanted: Edits, facts: Facts, noticed: Sequence[Rule], scope: str) -> Edits:
    if facts.report.signed_by_author or facts.report.encrypted:  # who wrote the notice in it answers for the scope
        return replace(wanted, held=SIGNED_UNNOTICED) if noticed else wanted
    names = tuple(rule.name for rule in noticed)
    notices = (*sorted({rule.notice for rule in noticed}), *((SCOPE.format(scope),) if scope else ()))
    told = tuple(mark for rule in noticed for mark in marks_of(rule.name, rule.notice))
    marks = (*told, *((SCOPE_MARK + scope,) if scope else ()))
    return replace(wanted, notices=notices, noticed=names, marks=marks)


def _scope_for(facts: Facts, to: RecipientFacts) -> str:
    """What the consent that it goes out on covers; empty: there is none, or it is no Part 2 record."""
    return to.consents.part2_scope if Sensitivity.PART2 in facts.sent.sensitivity else ""


def _is_noticed(facts: Facts) -> bool:
    """Whether its author wrote the notice in it (42 CFR 2.32(a)), so that no rule adds it."""
    return any(sign.kind is SignKind.PART2_NOTICE for sign in facts.report.signs)


def lacking(rules: Iterable[Rule], report: Report) -> tuple[str, ...]:
    """The rules that apply to one recipient whose notice is not below the message as it is kept."""
    there = report.noticed
    return tuple(rule.name for rule in rules if rule.notice and not is_told(rule.name, rule.notice, there))


def marks_of(name: str, text: str) -> tuple[str, str]:
    """That a text is below a message, and which: the configuration may say another by the time of a release."""
    return name, f"{name}{_AS}{sha256(text.encode()).hexdigest()[:16]}"


def is_told(name: str, text: str, there: Sequence[str]) -> bool:
    """Whether this very text is below; of what an older release put there, only the name is known. there: marks."""
    texts = [mark for mark in there if mark.startswith(name + _AS)]
    return name in there and (not texts or marks_of(name, text)[1] in texts)


def _spared(facts: Facts, to: RecipientFacts) -> str:
    """Why the minimum necessary standard does not apply to a copy (45 CFR 164.502(b)(2)); empty: it does.

    Treatment spares what goes to a provider (b)(2)(i); of whom nobody knows what they are, it is taken to be one.
    """
    purpose = facts.sent.purpose.lower()
    if purpose in UNTOUCHED and not (purpose == "treatment" and to.agreement.relation is Relation.PAYER):
        return f"its purpose is {purpose}"
    if to.standing.patient and to.standing.position in ARE_THE_INDIVIDUAL:
        return "it goes to the individual"  # (b)(2)(ii)
    return "the patient authorized it for this recipient" if to.consents.authorized else ""  # (b)(2)(iii)


def _edits_of(facts: Facts, to: RecipientFacts, asked: Collection[Rule]) -> Edits:
    below = tuple(sorted({rule.disclaimer for rule in asked} - {""}))
    kinds = frozenset(kind for rule in asked for kind in rule.redact)
    present = kinds & {finding.kind for finding in facts.report.findings}
    if not below and not present:
        return NOTHING
    if why := _spared(facts, to):
        return Edits(kept=f"No rule changes it: {why} (45 CFR 164.502(b)(2)).")
    if facts.report.signed_by_author or facts.report.encrypted:
        return Edits(held=SIGNED)
    if facts.report.phi and not facts.sent.purpose:
        if present:
            return Edits(held=UNSAID)
        return Edits(kept="No rule changes it: nobody said what it is for, and it may be treatment.")
    return Edits(below=below, kinds=present)
