"""What a condition is made of: the tree that `parse` builds and `check` types."""

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """The type of a fact or a value; the value is what people call it."""

    TRUTH = "yes or no"
    NUMBER = "a number"
    SIZE = "a size"
    TIME = "a time of day"
    TEXT = "a text"
    TEXTS = "several texts"


Value = bool | int | float | str | frozenset[str]


@dataclass(frozen=True, slots=True)
class Name:
    """A fact that is named."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written down: a size in bytes, a time in minutes since midnight, a text in lower case."""

    type: Type
    value: int | float | str
    column: int


@dataclass(frozen=True, slots=True)
class Several:
    """A list of values."""

    items: tuple[Literal, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Question:
    """One question about a fact. operator: empty for a fact that is yes or no by itself. column: the operator's."""

    fact: Name
    operator: str = ""
    value: Name | Literal | Several | None = None
    column: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Node", ...]


Node = Question | Constant | Not | And | Or
