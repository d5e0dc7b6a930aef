"""What is wrong with a configuration, as the operator reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str | int, ...]  # ("listener", 0, "bind"); numbers count tables of the same name from 0


def dotted(key: Key) -> str:
    """The key as people write it: listener[1].bind, where the first [[listener]] is 1."""
    name = ""
    for part in key:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else part
    return name


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


class ConfigError(Exception):
    """The configuration cannot be used; the operator must mend every problem listed. Never half-start on it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.line, p.key, p.text)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
