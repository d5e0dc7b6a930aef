"""Conditions to functions over a row of values. Total and bounded: no loop but over the values of a list or a fact.

How this works: each fact that any rule asks for has a place in one row; the row is filled once a message, and its
places about recipients once for each. A question then is one look and one comparison, so 200 rules cost microseconds.
What a rule asks of the message alone is asked once a message (`split`).
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
        case Not(inner=Question(fact=fact, operator="")):
            at = places[fact.text]
            return lambda row: not row[at]
        case Not(inner=inner):
            wrong = compile_condition(inner, places)
            return lambda row: not wrong(row)
        case And(parts=parts):
            return _all([compile_condition(part, places) for part in parts])
        case Or(parts=parts):
            return _any([compile_condition(part, places) for part in parts])
        case Question():
            return _question(node, places)


def split(node: Node, is_about_recipient: Callable[[str], bool]) -> tuple[Node | None, Node | None]:
    """A condition as two that both have to hold: one that asks for the message alone, and what is left; None: nothing.

    Asked once a message, the first spares the second for every recipient.
    """
    parts = node.parts if isinstance(node, And) else (node,)
    general = [part for part in parts if not _asks(part, is_about_recipient)]
    personal = [part for part in parts if _asks(part, is_about_recipient)]
    return _joined(general), _joined(personal)


def _asks(node: Node, is_about_recipient: Callable[[str], bool]) -> bool:
    match node:
        case Constant():
            return False
        case Not(inner=inner):
            return _asks(inner, is_about_recipient)
        case And(parts=parts) | Or(parts=parts):
            return any(_asks(part, is_about_recipient) for part in parts)
        case Question(fact=fact, value=value):
            return is_about_recipient(fact.text) or (isinstance(value, Name) and is_about_recipient(value.text))


def _joined(parts: Sequence[Node]) -> Node | None:
    return (parts[0] if len(parts) == 1 else And(tuple(parts))) if parts else None


def _all(parts: Sequence[Predicate]) -> Predicate:
    """Two or three are joined without a loop; more are joined of such."""
    first, second, *rest = parts
    if not rest:
        return lambda row: first(row) and second(row)
    third = rest[0] if len(rest) == 1 else _all(rest)
    return lambda row: first(row) and second(row) and third(row)


def _any(parts: Sequence[Predicate]) -> Predicate:
    first, second, *rest = parts
    if not rest:
        return lambda row: first(row) or second(row)
    third = rest[0] if len(rest) == 1 else _any(rest)
    return lambda row: first(row) or second(row) or third(row)


def _question(question: Question, places: Mapping[str, int]) -> Predicate:
    at, sign, value = places[question.fact.text], question.operator, question.value
    if not sign:
        return operator.itemgetter(at)  # a fact that is yes or no is a bool
    if isinstance(value, Name):
        compare, other = COMPARISONS[sign], places[value.text]
        return lambda row: compare(row[at], row[other])
    if sign in COMPARISONS:
        return _against(sign, at, _values(question)[0])
    return MEMBERS[sign](at, _values(question), FACTS[question.fact.text].type)


def _against(sign: str, at: int, wanted: Any) -> Predicate:
    """One comparison with what is written down; a row of the table, so that none is called through another."""
    made: Mapping[str, Predicate] = {
        "==": lambda row: row[at] == wanted,
        "!=": lambda row: row[at] != wanted,
        "<": lambda row: row[at] < wanted,
        "<=": lambda row: row[at] <= wanted,
        ">": lambda row: row[at] > wanted,
        ">=": lambda row: row[at] >= wanted,
    }
    return made[sign]


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
        text: str = row[at]  # type: ignore[assignment]
        return text in wanted or text.endswith(ends)

    return holds


def _matches(at: int, values: Iterable[Any], type_: Type) -> Predicate:
    patterns = [tuple(value.split("*")) for value in values]
    first, *more = patterns

    def one(row: Row) -> bool:
        return matches(row[at], first)  # type: ignore[arg-type]

    def some(row: Row) -> bool:
        text: str = row[at]  # type: ignore[assignment]
        return any(matches(text, pattern) for pattern in patterns)

    def several(row: Row) -> bool:
        texts: Iterable[str] = row[at]  # type: ignore[assignment]
        return any(matches(text, pattern) for text in texts for pattern in patterns)

    return several if type_ is Type.TEXTS else some if more else one


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
