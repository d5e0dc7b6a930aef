"""Every target under hypothesis, over its seeds, and under a coverage-guided fuzzer for a fixed number of runs."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
import structlog
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.log import configure
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.tools import IN_CI

EXAMPLES: Final = 60  # a target; fewer than elsewhere, since the seeds stand at the doors of what is deep
SLOW_EXAMPLES: Final = {"classify": 20}
RUNS: Final = 300  # of the coverage-guided fuzzer, a target
REPOSITORY: Final = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _no_log() -> Iterator[None]:
    """A session that is refused writes a line; ten thousand say nothing more."""
    configure(level="error", stream=io.StringIO())
    yield
    structlog.reset_defaults()


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Noise; seeds, words and noise in a row; and a seed that is cut and spliced."""
    seeds, words = st.sampled_from(target.seeds), st.sampled_from((*target.words, b""))
    rows = st.lists(st.one_of(words, words, seeds, st.binary(max_size=6)), max_size=12).map(b"".join)
    spliced = st.builds(
        lambda seed, at, cut, word: seed[: at % (len(seed) + 1)] + word + seed[at % (len(seed) + 1) + cut :],
        seeds, st.integers(0, 10_000), st.integers(0, 20), st.one_of(words, st.binary(max_size=6)),
    )  # fmt: skip
    return st.one_of(st.binary(max_size=200), rows, spliced)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    """The invariant of each target, stated by its docstring, holds for what a fuzzer begins with."""
    target = TARGETS[name]
    assert target.run.__doc__, "a target states its invariant"
    for seed in target.seeds:
        target.run(seed)
        for at in range(0, len(seed), max(1, len(seed) // 8)):
            target.run(seed[:at])


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str) -> None:
    """SM-01 to SM-13, SA-07, SA-11, ID-05, OB-06, MP-15, MP-19: the invariant holds whatever comes."""
    target = TARGETS[name]

    @settings(max_examples=SLOW_EXAMPLES.get(name, EXAMPLES), deadline=None, derandomize=True, database=None)
    @given(inputs(target))
    def holds(data: bytes) -> None:
        tried.append(len(data))
        target.run(data)

    tried: list[int] = []
    holds()
    assert max(tried), "something was tried"


@pytest.mark.slow
def test_a_target_can_fail() -> None:
    """The net has no hole: an invariant that some input breaks is reported."""

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(inputs(TARGETS["data"]))
    def is_broken(data: bytes) -> None:
        assert b"\r\n.\r\n" not in data

    with pytest.raises(AssertionError):
        is_broken()


@pytest.mark.slow
def test_coverage_guided(tmp_path: Path) -> None:
    """Each target by atheris, from its seeds and a fixed start; what it would find in a night is for `make fuzz`."""
    if find_spec("atheris") is None:
        (pytest.fail if IN_CI else pytest.skip)("atheris is not installed; `make fuzz` installs it")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.drive", f"-runs={RUNS}", "-seed=1", f"--keep={tmp_path}"],
        cwd=REPOSITORY, capture_output=True, text=True, errors="replace", check=False, timeout=110,
        env=os.environ | {"PYTHONHASHSEED": "0"},  # the same branches each time
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]  # names the target and the error
    assert done.stdout.count("== ") == len(TARGETS)
    assert done.stderr.count(f"Done {RUNS} runs") == len(TARGETS)
