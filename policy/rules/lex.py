"""The text of a condition to tokens. Linear: each token is matched once, where the last one ended."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.rules.errors import RuleError

LONGEST: Final = 8192  # characters of a condition
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "contains", "matches", "within", "true", "false"})


class Is(StrEnum):
    """What a token is; the value is what an error calls it."""

    WORD = "a word"
    NAME = "a fact"
    TEXT = "a text"
    TIME = "a time"
    SIZE = "a size"
    NUMBER = "a number"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token. text: as written, a text without its quotes. column: of its first character, from 1."""

    kind: Is
    text: str
    column: int


# Every alternative begins with another character, or is told apart by the next one; none repeats inside a repetition.
_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<time>[0-9]{1,2}:[0-9]{2}(?![0-9A-Za-z_:.]))"
    r"|(?P<size>[0-9]{1,9}(?:B|KiB|MiB|GiB)(?![0-9A-Za-z_.]))"
    r"|(?P<number>[0-9]{1,9}(?:\.[0-9]{1,6})?(?![0-9A-Za-z_.:]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|\"(?P<text>[^\"\x00-\x1f\x7f]*)\""
    r"|'(?P<quoted>[^'\x00-\x1f\x7f]*)'"
    r"|(?P<sign>==|!=|<=|>=|[<>()\[\],])"
)
_KINDS: Final = {
    "time": Is.TIME,
    "size": Is.SIZE,
    "number": Is.NUMBER,
    "text": Is.TEXT,
    "quoted": Is.TEXT,
    "sign": Is.SIGN,
}
_HINTS: Final = {
    "=": 'write "==" to compare',
    "&": 'write "and"',
    "|": 'write "or"',
    "!": 'write "not"',
    '"': 'the text has no closing "',
    "'": "the text has no closing '",
    "-": "there are no negative numbers and no sums here",
}


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a condition, an END last.

    Raises: RuleError at the first character that begins none, and for a text that is too long.
    """
    if len(text) > LONGEST:
        raise RuleError(LONGEST + 1, f"a condition has at most {LONGEST} characters; make two rules of it")
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RuleError(at + 1, _not_a_token(text, at))
        group = match.lastgroup or ""
        if group == "name":
            word = match[0].lower()
            yield Token(Is.WORD if word in KEYWORDS else Is.NAME, word, at + 1)
        elif group != "blank":
            yield Token(_KINDS[group], match[group], at + 1)
        at = match.end()
    yield Token(Is.END, "", len(text) + 1)


def _not_a_token(text: str, at: int) -> str:
    letter = text[at]
    if letter.isdigit():
        return "this is no number, size or time; write 10, 0.5, 10MiB or 08:30"
    shown = f'"{letter}"' if letter.isprintable() and letter != '"' else "this character"
    return _HINTS.get(letter, f"{shown} has no meaning here")
