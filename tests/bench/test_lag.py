"""The lag probe's arithmetic: long holds count for all the turns that they cost."""

import json
from pathlib import Path

import pytest

from bench.lag import TICK_S, Probe, lag_during, summarise


def test_a_held_up_loop_misses_every_turn_in_between() -> None:
    """100 ms without a turn are twenty late ones, the first 100 ms late and the last not at all."""
    probe = Probe()
    following = probe.note(10.0, 10.0 + 20 * TICK_S - 1e-6)
    assert len(probe.late) == 20
    assert max(probe.late) == pytest.approx(20 * TICK_S, abs=1e-3)
    assert min(probe.late) == pytest.approx(TICK_S, abs=1e-3)
    assert following > 10.0 + 20 * TICK_S - 1e-3


def test_only_what_was_due_in_a_span_counts(tmp_path: Path) -> None:
    file = tmp_path / "lag.json"
    file.write_text(json.dumps({"due": [1.0, 2.0, 3.0, 4.0], "late": [0.5, 0.001, 0.002, 0.5]}))
    found = lag_during(file, [(1.5, 2.5), (2.5, 4.0)])
    assert (found.turns, found.worst) == (2, 2.0)


def test_shares_are_of_the_slowest_turns() -> None:
    found = summarise([0.001] * 998 + [0.2, 0.3])
    assert (found.p50, found.p99, found.p999, found.worst) == (1.0, 1.0, 300.0, 300.0)
