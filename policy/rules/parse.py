"""Tokens to a tree, by the grammar below (also in docs/policy.md); nothing about types, which are `check`'s.

condition = all { "or" all }
all       = one { "and" one }
one       = "not" one | "(" condition ")" | "true" | "false" | fact [ operator value ]
operator  = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "contains" | "matches" | "within"
value     = fact | literal | "[" [ literal { "," literal } [ "," ] ] "]"
literal   = text | number | size | time
"""

from collections.abc import Callable
from typing import Final

from policy.rules.errors import RuleError
from policy.rules.lex import Is, Token, tokens
from policy.rules.syntax import And, Constant, Literal, Name, Node, Not, Or, Question, Several, Type

DEEPEST: Final = 32  # brackets and "not" inside each other
MOST_VALUES: Final = 1000  # of one list
OPERATORS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "contains", "matches", "within"})
SIZES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "B": 1}
LITERALS: Final[dict[Is, Type]] = {
    Is.TEXT: Type.TEXT,
    Is.NUMBER: Type.NUMBER,
    Is.SIZE: Type.SIZE,
    Is.TIME: Type.TIME,
}


def parse(text: str) -> Node:
    """Read a condition. Raises: RuleError with the column of the first token that cannot stand there."""
    parser = _Parser(list(tokens(text)))
    node = parser.condition(0)
    parser.expect_end()
    return node


class _Parser:
    """Reads on from one token to the next, never back."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, text: str) -> bool:
        """Go past a word or sign, if it is the next."""
        token = self._next
        is_it = token.kind in {Is.WORD, Is.SIGN} and token.text == text
        self._at += is_it
        return is_it

    def expect_end(self) -> None:
        """Raises: RuleError when something is left over."""
        token = self._next
        if token.kind is Is.END:
            return
        if token.text in OPERATORS and token.kind in {Is.WORD, Is.SIGN}:
            raise RuleError(token.column, 'one comparison has ended here; join two with "and"')
        raise RuleError(token.column, f'{_shown(token)} cannot follow; join conditions with "and" or "or"')

    def condition(self, depth: int) -> Node:
        """Alternatives."""
        return self._chain("or", depth, self._all, Or)

    def _all(self, depth: int) -> Node:
        return self._chain("and", depth, self._one, And)

    def _chain(
        self, word: str, depth: int, part: Callable[[int], Node], join: Callable[[tuple[Node, ...]], Node]
    ) -> Node:
        parts = [part(depth)]
        while self._take(word):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _one(self, depth: int) -> Node:
        token = self._next
        if depth > DEEPEST:
            raise RuleError(token.column, f"more than {DEEPEST} conditions stand inside each other")
        if self._take("not"):
            return Not(self._one(depth + 1))
        if self._take("("):
            inner = self.condition(depth + 1)
            if not self._take(")"):
                raise RuleError(self._next.column, f'")" is missing for the "(" at column {token.column}')
            return inner
        if self._take("true"):
            return Constant(True)
        if self._take("false"):
            return Constant(False)
        return self._question()

    def _question(self) -> Question:
        token = self._next
        if token.kind is not Is.NAME:
            what = "a condition is missing" if token.kind is Is.END else f"{_shown(token)} is no fact"
            raise RuleError(token.column, f"{what}; a condition begins with a fact, such as findings.ssn.count >= 10")
        self._at += 1
        fact, sign = Name(token.text, token.column), self._next
        if sign.kind not in {Is.WORD, Is.SIGN} or sign.text not in OPERATORS:
            return Question(fact)
        self._at += 1
        return Question(fact, sign.text, self._value(sign), sign.column)

    def _value(self, sign: Token) -> Name | Literal | Several:
        token = self._next
        if token.kind is Is.NAME:
            self._at += 1
            return Name(token.text, token.column)
        if not self._take("["):
            return self._literal(f'after "{sign.text}"')
        items: list[Literal] = []
        while not self._take("]"):
            if len(items) == MOST_VALUES:
                raise RuleError(self._next.column, f"a list has at most {MOST_VALUES} values")
            items.append(self._literal("in a list"))
            if not self._take(",") and self._next.text != "]":
                raise RuleError(self._next.column, '"," or "]" is missing in the list')
        return Several(tuple(items), token.column)

    def _literal(self, where: str) -> Literal:
        token = self._next
        if token.kind not in LITERALS:
            if token.text in {"true", "false"}:
                raise RuleError(token.column, 'write a fact that is yes or no alone, or "not" before it')
            what = "a value is missing" if token.kind is Is.END else f"{_shown(token)} is no value"
            raise RuleError(token.column, f"{what} {where}; write a text in quotes, a number, a size or a time")
        self._at += 1
        return Literal(LITERALS[token.kind], READ[token.kind](token), token.column)


def _read_number(token: Token) -> int | float:
    return float(token.text) if "." in token.text else int(token.text)


def _read_size(token: Token) -> int:
    unit = next(unit for unit in SIZES if token.text.endswith(unit))
    return int(token.text.removesuffix(unit)) * SIZES[unit]


def _read_time(token: Token) -> int:
    hours, minutes = map(int, token.text.split(":"))
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise RuleError(token.column, f"{token.text} is no time of day; write 00:00 to 24:00")
    return hours * 60 + minutes


READ: Final[dict[Is, Callable[[Token], int | float | str]]] = {
    Is.TEXT: lambda token: token.text.lower(),
    Is.NUMBER: _read_number,
    Is.SIZE: _read_size,
    Is.TIME: _read_time,
}


def _shown(token: Token) -> str:
    return "the end" if token.kind is Is.END else f'"{token.text}"' if token.kind is not Is.TEXT else "a text"
