"""Conditions to functions over a row of values. Total and bounded: no loop but over the values of a list or a fact.

How this works: each fact that any rule asks for has a place in one row; the row is filled once a message, and its
places about recipients once for each. A question then is one look and one comparison, so 200 rules cost microseconds.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from policy.rules.check import written
from policy.rules.facts import FACTS
from policy.rules.syntax import And, Constant, Name, Node, Not, Or, Question, Type, Value

Row = Sequence[Value]
Predicate = Callable[[Row], bool]

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_condition(node: Node, places: Mapping[str, int]) -> Predicate:
    """Make the function of a checked tree. places: of each fact it names, in the row."""
    match node:
        case Constant(value=value):
            return lambda _row: value
        case Not(inner=inner):
            wrong = compile_condition(inner, places)
            return lambda row: not wrong(row)
        case And(parts=parts):
            return _all([compile_condition(part, places) for part in parts])
        case Or(parts=parts):
            return _any([compile_condition(part, places) for part in parts])
        case Question():
            return _question(node, places)


def _all(parts: Sequence[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) and second(row)
    return lambda row: all(part(row) for part in parts)


def _any(parts: Sequence[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) or second(row)
    return lambda row: any(part(row) for part in parts)


def _question(question: Question, places: Mapping[str, int]) -> Predicate:
    at, sign, value = places[question.fact.text], question.operator, question.value
    if not sign:
        return lambda row: bool(row[at])
    if isinstance(value, Name):
        compare, other = COMPARISONS[sign], places[value.text]
        return lambda row: compare(row[at], row[other])
    if sign in COMPARISONS:
        compare, wanted = COMPARISONS[sign], _values(question)[0]
        return lambda row: compare(row[at], wanted)
    return MEMBERS[sign](at, _values(question), FACTS[question.fact.text].type)


def _values(question: Question) -> tuple[Any, ...]:
    return tuple(literal.value for literal in written(question))


def _in(at: int, values: Iterable[Any], _type: Type) -> Predicate:
    wanted = frozenset(values)
    return lambda row: row[at] in wanted


def _contains(at: int, values: Iterable[Any], _type: Type) -> Predicate:
    wanted = frozenset(values)
    return lambda row: not wanted.isdisjoint(row[at])  # type: ignore[arg-type]


def _within(at: int, values: Iterable[Any], _type: Type) -> Predicate:
    """A domain itself, or below it."""
    wanted = frozenset(value.removeprefix("*.") for value in values)
    ends = tuple(f".{value}" for value in wanted)

    def holds(row: Row) -> bool:
        text = str(row[at])
        return text in wanted or text.endswith(ends)

    return holds


def _matches(at: int, values: Iterable[Any], type_: Type) -> Predicate:
    patterns = [tuple(value.split("*")) for value in values]

    def one(row: Row) -> bool:
        text = str(row[at])
        return any(matches(text, pattern) for pattern in patterns)

    def several(row: Row) -> bool:
        texts: Iterable[str] = row[at]  # type: ignore[assignment]
        return any(matches(text, pattern) for text in texts for pattern in patterns)

    return several if type_ is Type.TEXTS else one


MEMBERS: Final[Mapping[str, Callable[[int, Iterable[Any], Type], Predicate]]] = {
    "in": _in,
    "contains": _contains,
    "within": _within,
    "matches": _matches,
}


def matches(text: str, pattern: tuple[str, ...]) -> bool:
    """Whether a text has these pieces in this order, the first at its beginning, the last at its end.

    Each piece is looked for once, from the end of the one before: the first place that fits is as good as any other.
    """
    if len(pattern) == 1:
        return text == pattern[0]
    first, *middle, last = pattern
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
