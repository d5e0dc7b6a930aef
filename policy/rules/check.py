"""Names and types of a condition: every fact is known, and every question fits the type of its fact."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from policy.rules.errors import RuleError
from policy.rules.facts import FACTS, Fact
from policy.rules.syntax import And, Literal, Name, Node, Not, Or, Question, Several, Type

SAME: Final = frozenset({"==", "!="})
ORDER: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
OPERATORS: Final[Mapping[Type, frozenset[str]]] = {  # what can be asked of a fact, by its type
    Type.TRUTH: frozenset(),
    Type.NUMBER: ORDER | {"in"},
    Type.SIZE: ORDER,
    Type.TIME: ORDER,
    Type.TEXT: SAME | {"in", "matches", "within"},
    Type.TEXTS: frozenset({"contains", "matches"}),
}
TAKES_LISTS: Final = frozenset({"in", "contains", "matches", "within"})
NEEDS_LISTS: Final = frozenset({"in"})
EXAMPLES: Final[Mapping[Type, str]] = {
    Type.NUMBER: ">= 10",
    Type.SIZE: "> 10MiB",
    Type.TIME: ">= 18:00",
    Type.TEXT: '== "word"',
    Type.TEXTS: 'contains "word"',
}


def check(node: Node) -> None:
    """Raises: RuleError at the first thing that does not fit."""
    for question in questions(node):
        _check(question)


def questions(node: Node) -> Iterator[Question]:
    """Every question in a condition, from left to right."""
    match node:
        case Question():
            yield node
        case Not():
            yield from questions(node.inner)
        case And() | Or():
            for part in node.parts:
                yield from questions(part)


def fact_names(node: Node) -> tuple[str, ...]:
    """The facts that a condition rests on, each once, in their order."""
    found: dict[str, None] = {}
    for question in questions(node):
        found[question.fact.text] = None
        if isinstance(question.value, Name):
            found[question.value.text] = None
    return tuple(found)


def _check(question: Question) -> None:
    fact, name = _known(question.fact), question.fact.text
    if not question.operator:
        if fact.type is not Type.TRUTH:
            text = f"{name} is {fact.type}, so compare it, such as {name} {EXAMPLES[fact.type]}"
            raise RuleError(question.fact.column, text)
        return
    if fact.type is Type.TRUTH:
        raise RuleError(question.column, f'{name} is yes or no: write "{name}" or "not {name}"')
    if question.operator not in OPERATORS[fact.type]:
        raise RuleError(question.column, f'"{question.operator}" does not fit {name}, which is {fact.type}')
    if isinstance(question.value, Name):
        _check_other(question, fact, question.value)
        return
    if isinstance(question.value, Several) and question.operator not in TAKES_LISTS:
        raise RuleError(question.value.column, f'"{question.operator}" takes one value; for a list write "in"')
    if isinstance(question.value, Literal) and question.operator in NEEDS_LISTS:
        raise RuleError(question.value.column, f'"{question.operator}" takes a list in brackets: [ … ]')
    for literal in written(question):
        _check_literal(literal, fact, name, question.operator)


def written(question: Question) -> tuple[Literal, ...]:
    """The values that a question compares its fact with."""
    match question.value:
        case Several(items=items):
            return items
        case Literal() as literal:
            return (literal,)
        case _:
            return ()


def _known(name: Name) -> Fact:
    if name.text in FACTS:
        return FACTS[name.text]
    near = get_close_matches(name.text, FACTS, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; docs/policy.md has the list"
    raise RuleError(name.column, f"{name.text} is not a known fact{hint}")


def _check_other(question: Question, fact: Fact, other: Name) -> None:
    right = _known(other)
    if question.operator not in ORDER:
        raise RuleError(other.column, f'"{question.operator}" takes written values, not a fact; quote a text')
    if right.type is not fact.type:
        raise RuleError(other.column, f"{other.text} is {right.type}, and {question.fact.text} is {fact.type}")


def _check_literal(literal: Literal, fact: Fact, name: str, operator: str) -> None:
    wanted = Type.TEXT if fact.type is Type.TEXTS else fact.type
    if literal.type is not wanted:
        example = EXAMPLES[wanted].partition(" ")[2]
        raise RuleError(literal.column, f"{name} is {fact.type}, and this is {literal.type}; write it like {example}")
    if fact.words and operator != "matches" and literal.value not in fact.words:
        near = get_close_matches(str(literal.value), fact.words, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"it is one of {', '.join(sorted(fact.words))}"
        raise RuleError(literal.column, f'{name} is never "{literal.value}"; {hint}')
