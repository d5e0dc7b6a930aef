"""The queue that the benchmark makes, and what it makes of two runs."""

from collections import Counter

import pytest

from bench.queue import Load, Result, ratio, table

LOAD = Load(entries=1_000, domains=50, dead=5, flood=300)


def test_both_queues_hold_the_same_live_mail() -> None:
    with_dead, without = (Counter(LOAD.recipients(with_dead=dead)) for dead in (True, False))
    live = {domain: count for domain, count in with_dead.items() if domain.startswith("live")}
    assert live == without
    assert sum(live.values()) == LOAD.live_entries == 900
    assert with_dead["dead0.example"] == 320
    assert with_dead["dead4.example"] == 20


def test_ratio_is_of_times() -> None:
    runs = [
        Result(name=name, queued=1, live=900, drained_s=drained_s, rss_mib=1, family_rss_mib=2)
        for name, drained_s in (("live only", 10.0), ("with the dead", 11.0))
    ]
    assert ratio(runs) == pytest.approx(1.1)
    assert "ratio 1.10" in table(runs, LOAD)
