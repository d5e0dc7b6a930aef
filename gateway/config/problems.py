"""What is wrong with a configuration, as the operator reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Key = tuple[str | int, ...]  # ("listener", 0, "bind"); numbers count tables of the same name from 0
Fault = tuple[Key, str]  # what is wrong with a key, not yet placed in a file


def dotted(key: Key) -> str:
    """The key as people write it: listener[1].bind, where the first [[listener]] is 1."""
    name = ""
    for part in key:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def is_inside(key: Key, outer: Key) -> bool:
    """Whether a key stands within another one, and is not that one itself."""
    return len(key) > len(outer) and key[: len(outer)] == outer


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, and what would be right. line is 0 when no line of the file is to blame."""

    file: Path
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in the order of the lines."""
    return tuple(sorted(set(problems), key=lambda problem: (problem.line, problem.key, problem.text)))


class ConfigError(Exception):
    """The configuration cannot be used; the operator must mend every problem listed. Never half-start on it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings were read from; all origins count as equal, so that settings compare by their values."""

    file: Path = field(default=Path("-"), compare=False)
    lines: Mapping[Key, int] = field(default_factory=dict, compare=False, repr=False)

    def problem(self, key: Key, text: str) -> Problem:
        """A problem of one key, with the line of that key, else of the nearest table around it."""
        line = next((self.lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in self.lines), 0)
        return Problem(self.file, line, dotted(key), text)
