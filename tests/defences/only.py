"""A pytest plugin for the runner: of a row's tests only the instances that the row asks for, on one loop.

A test that waits for an answer which a missing defence never lets come takes its time; a hundred of them take hours.
"""

import os
from typing import Final

import pytest

VARIABLE: Final = "DEFENCES_ONLY"  # the row's tests, one a line; empty: everything
OTHER_LOOP: Final = "uvloop"  # the intake is tested on both; what is missing is missed on one as well


def is_wanted(name: str, tests: list[str]) -> bool:
    """Whether an instance is one of those. name: `file::function[instance]`; tests: with `[text]` where text counts."""
    function, _, instance = name.partition("[")
    wanted = (test.removesuffix("]").partition("[") for test in tests)
    return OTHER_LOOP not in instance and any(of == function and text in instance for of, _, text in wanted)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the others out."""
    tests = os.environ.get(VARIABLE, "").splitlines()
    if not tests:
        return
    kept = [item for item in items if is_wanted(item.nodeid, tests)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
