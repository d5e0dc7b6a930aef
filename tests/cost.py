"""What work costs in processor time, on machines that do other work as well."""

import time
from collections.abc import Callable

ROUNDS = 5
NOISE_S = 0.02  # less than this is not measured


def cpu_s(work: Callable[[], object]) -> float:
    """Processor time of this thread, in seconds."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


def growth(small: Callable[[], object], large: Callable[[], object], *, under: float) -> float:
    """How many times as much the large work costs as the small.

    Both are done in turns, at most ROUNDS times, and the least of each counts: noise only ever adds. It ends as soon as
    the ratio is less than `under`. So a machine that halts in the middle does not fail a test, and work that
    does grow too fast, grows too fast in every round.
    """
    least_small = least_large = float("inf")
    for _ in range(ROUNDS):
        least_small = min(least_small, max(cpu_s(small), NOISE_S))
        least_large = min(least_large, cpu_s(large))
        if least_large < under * least_small:
            break
    return least_large / least_small
