"""The table is true: each row's text is in the code, its tests exist, and every case has a row."""

import ast
import functools
import re
from pathlib import Path
from typing import Final

import pytest

from tests.defences.removal import Removal, removal
from tests.defences.run import unproved
from tests.defences.table import CASES, REMOVALS

ROOT: Final = Path(__file__).parents[2]
IDS: Final = [f"{number}-{row.cases[0]}" for number, row in enumerate(REMOVALS)]


def test_every_case_has_a_row() -> None:
    """And no row stands for a case that is not on the list."""
    assert len(set(CASES)) == len(CASES)
    assert {case for row in REMOVALS for case in row.cases} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_named_by_a_test(case: str) -> None:
    """`grep -rn SM-01 tests/` finds it."""
    files = [
        path for path in (ROOT / "tests").rglob("*") if path.suffix in {".py", ".txt"} and "defences" not in path.parts
    ]
    assert any(case in text or case.lower().replace("-", "_") in text for text in map(_text, files))


@pytest.mark.parametrize("row", REMOVALS, ids=IDS)
def test_a_row_takes_something_out_that_is_there_once(row: Removal) -> None:
    for edit in row.edits:
        text = _text(ROOT / edit.file)
        assert text.count(edit.old) == 1, f"{edit.file} has changed: give the row what stands for {edit.old!r} now"
        assert edit.new != edit.old
        ast.parse(text.replace(edit.old, edit.new))


@pytest.mark.parametrize("row", REMOVALS, ids=IDS)
def test_the_tests_of_a_row_exist(row: Removal) -> None:
    assert row.tests
    for test in row.tests:
        file, _, rest = test.partition("::")
        name, _, instance = rest.partition("[")
        assert name in _functions(ROOT / file), test
        if found := re.fullmatch(r"((?:[a-z]+/)?[A-Z]{2}-[0-9]{2}-[a-z0-9-]+)\]", instance):
            assert (ROOT / file).parent.joinpath("dialogues", f"{found[1]}.txt").is_file(), test


def test_what_counts_as_proof() -> None:
    """Each named test has to fail, in the instance that was asked for."""
    row = removal("SM-01", "a.py", "x", "y", "t.py::test_a", "t.py::test_b[two]")
    assert unproved(row, ["t.py::test_a", "t.py::test_b[one-two]"]) == []
    assert unproved(row, ["t.py::test_a[1]", "t.py::test_b[one]"]) == ["t.py::test_b[two]"]
    assert unproved(row, ["u.py::test_a", "t.py::test_b"]) == ["t.py::test_a", "t.py::test_b[two]"]


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def _functions(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(_text(path)))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
