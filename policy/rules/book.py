"""All rules of an installation: which of them apply to a message and a recipient, and what they ask for.

Every rule is asked, so their order says nothing; `policy.decide` takes the strictest action.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.decision import Action
from policy.facts import Facts, RecipientFacts
from policy.phi.report import Kind
from policy.rules.condition import Condition
from policy.rules.evaluate import Predicate, compile_condition, split
from policy.rules.facts import FACTS, read_all
from policy.rules.syntax import Type, Value

SHOWN: Final = 80  # characters of a value in a sentence
STRICTNESS: Final = (  # each allows no way that the one before it does not allow
    Action.ALLOW,
    Action.PROTECT,
    Action.REQUIRE_TLS,
    Action.PORTAL_ONLY,
    Action.HOLD,
    Action.REJECT,
)


TELLING: Final = frozenset({"sensitivity", "topics", "consent.part2", "consent.psychotherapy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One `[[policy.rule]]`, or one of a pack.

    when: it applies; unless: it does not apply all the same, and the trace says so. notify: addresses to tell.
    add_header: names and values of header fields, put on the message. approvers: how many persons release what it
    holds. journal: an archive that gets a copy; empty: none. disclaimer: text below the message; redact: kinds of
    findings that are masked in it. notice: text that the law wants with it, put below whatever its purpose.
    """

    name: str
    when: Condition
    action: Action
    unless: Condition | None = None
    notify: tuple[str, ...] = ()
    add_header: tuple[tuple[str, str], ...] = ()
    approvers: int = 1
    journal: str = ""
    disclaimer: str = ""
    redact: tuple[Kind, ...] = ()
    notice: str = ""

    @property
    def tells_class(self) -> bool:
        """Whether its name or what it is for may tell of which legal class, or of which topic, a message is."""
        return not TELLING.isdisjoint(self.when.facts)


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule whose condition holds. is_excepted: its exception holds as well, so it asks for nothing. why: in words."""

    rule: Rule
    is_excepted: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """first, then: what a rule that asks for a recipient asks for the message alone, and what is left; None: nothing.

    seen: the facts of its condition as they are told: the words before each, its place and type.
    """

    rule: Rule
    when: Predicate
    unless: Predicate | None
    first: Predicate | None = None
    then: Predicate | None = None
    seen: tuple[tuple[str, int, Type], ...] = ()


class Answer(StrEnum):
    """What came of a rule."""

    APPLIES = "applies"
    EXCEPTED = "excepted"
    DOES_NOT_APPLY = "does not apply"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a rule for one recipient. seen: the facts of its condition and exception as they are."""

    rule: Rule
    answer: Answer
    seen: str


class RuleBook:
    """Rules, ready to be asked. facts: names of all that any of them asks for."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self.by_name = {rule.name: rule for rule in rules}
        asked = {name: None for rule in rules for name in _facts_of(rule)}
        self.facts = frozenset(asked)
        about_message = [name for name in asked if not FACTS[name].is_about_recipient]
        about_recipient = [name for name in asked if FACTS[name].is_about_recipient]
        self._places = {name: place for place, name in enumerate((*about_message, *about_recipient))}
        self._of_message = [FACTS[name] for name in about_message]
        self._of_recipient = [FACTS[name].read for name in about_recipient]
        ready = [(_is_personal(rule), self._ready(rule)) for rule in rules]
        self._general = [one for is_personal, one in ready if not is_personal]
        self._personal = [one for is_personal, one in ready if is_personal]

    def judge(self, facts: Facts) -> tuple[tuple[Hit, ...], ...]:
        """The rules that apply, for each recipient in the order of the facts; linear in both."""
        if not self.rules:
            return ((),) * len(facts.recipients)
        shared = read_all(facts, self._of_message)
        general = tuple([self._hit(one, shared) for one in self._general if one.when(shared)])
        asked = [(one.then or one.when, one) for one in self._personal if one.first is None or one.first(shared)]
        if not asked:
            return (general,) * len(facts.recipients)
        return tuple(general + self._of_one(facts, to, shared, asked) for to in facts.recipients)

    def _of_one(
        self, facts: Facts, to: RecipientFacts, shared: Sequence[Value], asked: Sequence[tuple[Predicate, _Ready]]
    ) -> tuple[Hit, ...]:
        row = [*shared, *[read(facts, to) for read in self._of_recipient]]
        return tuple([self._hit(one, row) for then, one in asked if then(row)])

    def verdicts(self, facts: Facts) -> tuple[tuple[Verdict, ...], ...]:
        """What came of every rule, for each recipient: for people, who ask about one message."""
        shared = read_all(facts, self._of_message)
        return tuple(
            tuple(self._verdict(one, row) for one in (*self._general, *self._personal))
            for row in ([*shared, *(read(facts, to) for read in self._of_recipient)] for to in facts.recipients)
        )

    def _verdict(self, one: _Ready, row: Sequence[Value]) -> Verdict:
        is_excepted = one.unless is not None and one.unless(row)
        answer = Answer.EXCEPTED if is_excepted else Answer.APPLIES
        seen = [self._seen(condition, row) for condition in (one.rule.when, one.rule.unless) if condition is not None]
        return Verdict(one.rule, answer if one.when(row) else Answer.DOES_NOT_APPLY, "; unless ".join(seen))

    def _ready(self, rule: Rule) -> _Ready:
        when, places = rule.when.tree, self._places
        unless = None if rule.unless is None else compile_condition(rule.unless.tree, places)
        general, personal = split(when, lambda name: FACTS[name].is_about_recipient)
        first = None if general is None else compile_condition(general, places)
        then = None if personal is None else compile_condition(personal, places)
        seen = tuple((f"{name} is ", places[name], FACTS[name].type) for name in rule.when.facts)
        return _Ready(rule, compile_condition(when, places), unless, first, then, seen)

    def _hit(self, one: _Ready, row: Sequence[Value]) -> Hit:
        rule = one.rule
        is_excepted = one.unless is not None and one.unless(row)
        seen = ", ".join([words + shown(row[at], type_) for words, at, type_ in one.seen]) or rule.when.text
        if is_excepted and rule.unless is not None:
            exception = self._seen(rule.unless, row)
            why = f'Rule "{rule.name}" would ask for {rule.action} ({seen}), but its exception holds ({exception}).'
        else:
            why = f'Rule "{rule.name}" asks for {rule.action} ({seen}).'
        return Hit(rule, is_excepted, why)

    def _seen(self, condition: Condition, row: Sequence[Value]) -> str:
        """The facts of a condition as they are."""
        told = [f"{name} is {shown(row[self._places[name]], FACTS[name].type)}" for name in condition.facts]
        return ", ".join(told) or condition.text


def _facts_of(rule: Rule) -> tuple[str, ...]:
    return rule.when.facts + (rule.unless.facts if rule.unless else ())


def _is_personal(rule: Rule) -> bool:
    return any(FACTS[name].is_about_recipient for name in _facts_of(rule))


def shown(value: Value, type_: Type) -> str:
    """A fact as a trace says it."""
    match type_:
        case Type.TRUTH:
            return "true" if value else "false"
        case Type.TIME if isinstance(value, int):
            return f"{value // 60:02}:{value % 60:02}"
        case Type.TEXTS if isinstance(value, frozenset):
            text = ", ".join(sorted(value)) or "none"
        case Type.NUMBER:
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
        case _:
            text = str(value) or "empty"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


NO_RULES: Final = RuleBook()
