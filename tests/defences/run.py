"""`make defences`: take each defence out of a copy of the tree, and see that its tests fail.

First all tests of the table run on the tree as it is: one that fails there proves nothing. Then each worker has a copy
of the tree and does one row after the other: edit, run the row's tests, put the file back. A test counts as failed when
its assertion did; an error while collecting or setting up does not, nor does one that never ended.
`python -m tests.defences.run SM RX-09` does the rows of these cases only.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree  # written by our own pytest
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from shutil import copyfile
from typing import Final

from tests.defences import only
from tests.defences.removal import Removal
from tests.defences.table import REMOVALS

ROOT: Final = Path(__file__).parents[2]
BUILT: Final = "policy/phi/data/*.tsv.gz"  # ignored by git, needed by the classifier
WITHIN_S: Final = 150


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one pytest run. failed: ids `file::name[instance]`; note: what else went wrong."""

    failed: tuple[str, ...]
    note: str


def copy_tree(target: Path) -> None:
    """What git knows, as it stands in the working tree, and what the build made."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    names = [name for name in listed.decode().split("\0") if name]
    names += [str(path.relative_to(ROOT)) for path in ROOT.glob(BUILT)]
    for name in names:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(ROOT / name, target / name)


def run_tests(tree: Path, tests: Iterable[str], *options: str, within_s: float = WITHIN_S) -> Outcome:
    """pytest in a copy of the tree; the copy's packages go before the installed ones, in children as well."""
    wanted = sorted(set(tests))
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        "-p",
        only.__name__,
    ]
    command += [*options, *sorted({node_of(test) for test in wanted})]
    environment = {**os.environ, "PYTHONPATH": str(tree), "CI": "false", only.VARIABLE: "\n".join(wanted)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a copy is run many times
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome((), "did not end")
    if not report.is_file() or done.returncode not in (0, 1):
        return Outcome((), done.stdout[-2000:] + done.stderr[-1000:])
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  # as above
    errors = [f"{_name(case)}: {error.get('message')}" for case in cases for error in case.findall("error")]
    return Outcome(
        tuple(_name(case) for case in cases if case.find("failure") is not None),
        "\n".join(errors[:3]),
    )


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"


def node_of(test: str) -> str:
    """What pytest is asked for: the function, without the instance."""
    return test.partition("[")[0]


def unproved(removal: Removal, failed: Sequence[str]) -> list[str]:
    """The tests of a row of which no instance that was asked for is among the failed ones."""
    return [test for test in removal.tests if not any(only.is_wanted(name, [test]) for name in failed)]


def without(tree: Path, removal: Removal) -> Outcome:
    """Run a row's tests with its defence taken out; the tree is as before afterwards."""
    before = {edit.file: (tree / edit.file).read_text(encoding="utf-8") for edit in removal.edits}
    changed = dict(before)
    for edit in removal.edits:
        changed[edit.file] = changed[edit.file].replace(edit.old, edit.new)
    try:
        for file, text in changed.items():
            _write(tree / file, text)
        return run_tests(tree, removal.tests)
    finally:
        for file, text in before.items():
            _write(tree / file, text)


def _write(path: Path, text: str) -> None:
    """Compiled code is told apart by second and size only: it must not outlive its source."""
    path.write_text(text, encoding="utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def judge(removal: Removal, trees: "SimpleQueue[Path]") -> str:
    """One row in the next free tree. Returns: what is wrong with it, empty when it is proved."""
    tree = trees.get()
    began = time.monotonic()
    try:
        outcome = without(tree, removal)
    finally:
        trees.put(tree)
    missing = unproved(removal, outcome.failed)
    took = time.monotonic() - began
    say(f"{'FAIL' if missing else 'ok  '} {took:5.1f} s  {removal.title}")
    return f"{removal.title}\n    still pass: {missing}\n    {outcome.note}" if missing else ""


def say(text: str) -> None:
    """A line for who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def chosen(words: Sequence[str]) -> list[Removal]:
    """The rows of these cases or families, all when none is named."""
    return [row for row in REMOVALS if not words or any(case.startswith(tuple(words)) for case in row.cases)]


def main() -> int:
    """Exit status 1 when a defence can be taken out without a test that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="such as SM or RX-09; all when left out")
    parser.add_argument("--parallel", type=int, default=2)
    arguments = parser.parse_args()
    rows = chosen(arguments.cases)
    with tempfile.TemporaryDirectory(prefix="defences-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        copies = [Path(folder) / str(number) for number in range(arguments.parallel)]
        for tree in copies:
            tree.mkdir()
            copy_tree(tree)
            trees.put(tree)
        tests = {test for row in rows for test in row.tests}
        before = run_tests(copies[0], tests, "-n", str(arguments.parallel), within_s=10 * WITHIN_S)
        if before.failed or before.note:
            say(f"these fail as it is: {before.failed}\n{before.note}")
            return 1
        say(f"{len(tests)} tests pass; {len(rows)} defences are taken out one by one")
        with ThreadPoolExecutor(arguments.parallel) as pool:
            problems = [problem for problem in pool.map(lambda row: judge(row, trees), rows) if problem]
    say("\n".join(problems) or f"each of {len(rows)} defences is missed by its tests")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
