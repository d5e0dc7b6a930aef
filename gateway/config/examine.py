"""Every problem of a configuration at once: the text, what does not fit together, and what it names on this machine.

How this works: a value that is wrong hides what depends on it. So the wrong ones are replaced (by their default, or by
the example where one is required), the rest is checked as usual, and whatever involves a replaced key is left out.
"""

import copy
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.check import check
from gateway.config.conflicts import find_conflicts
from gateway.config.lines import find_lines
from gateway.config.load import read_document, read_text, settle, validate
from gateway.config.model import Settings
from gateway.config.problems import ConfigError, Key, Origin, Problem, in_order
from gateway.config.words import example_of

ROUNDS: Final = 3  # a wrong value goes, its key is then missing and gets an example, and the third round passes


def examine(path: Path) -> tuple[Problem, ...]:
    """Every problem of a configuration file, in the order of its lines; empty when `serve` can start on it."""
    try:
        problems, settings = examine_text(read_text(path), path)
    except ConfigError as error:
        return error.problems
    if settings is not None:
        reported = {problem.key for problem in problems}
        problems += [problem for problem in check(settings) if problem.key not in reported]
    return in_order(problems)


def examine_text(text: str, file: Path) -> tuple[list[Problem], Settings | None]:
    """The same for what can be seen in the text alone, and the settings as far as they could be mended.

    Raises: ConfigError when the text is not TOML.
    """
    document = read_document(text, file)
    origin = Origin(file, find_lines(text))
    settings, faults = validate(document, origin)
    problems = [origin.problem(key, text) for key, text in faults]
    if settings is None and (settings := _mend(document, origin)) is not None:
        wrong = [key for key, _ in faults]
        conflicts = [c for c in find_conflicts(settings) if not any(_touches(key, wrong) for key in c.keys)]
        problems += [origin.problem(conflict.keys[0], conflict.text) for conflict in conflicts]
    return problems, settings


def _touches(key: Key, wrong: list[Key]) -> bool:
    """Whether a key is one of the wrong ones, or inside or around one."""
    return any(key[: len(other)] == other[: len(key)] for other in wrong)


def _mend(document: dict[str, Any], origin: Origin) -> Settings | None:
    """Settings with every wrong value replaced; None when the document is beyond that."""
    document = copy.deepcopy(document)
    for _ in range(ROUNDS):
        try:
            return settle(Settings.model_validate(document, context=origin))
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                _replace(document, item)
    return None


def _replace(document: dict[str, Any], item: ErrorDetails) -> None:
    """Put an example where a key is missing, and take away a key whose value is wrong."""
    *path, name = _key_of(item["loc"])
    node: Any = document
    try:
        for part in path:
            node = node[part]
        if item["type"] == "missing":
            node[name] = example_of(item["loc"])
        else:
            del node[name]
    except LookupError:
        return  # a wrong value around it went before


def _key_of(key: Key) -> Key:
    """The key without the numbers at its end: one wrong element takes its whole list away."""
    while isinstance(key[-1], int):
        key = key[:-1]
    return key
