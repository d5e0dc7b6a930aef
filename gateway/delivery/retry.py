"""When to try again: the pauses of `delivery.retry`, the last of which repeats, with a little chance in each."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

SPREAD: Final = 0.1  # a pause varies by up to 10 % either way, so that mail deferred together does not return together


def pause_after(attempts: int, schedule: Sequence[timedelta], *, jitter: float) -> timedelta:
    """How long to wait after a failed attempt.

    attempts: tries made so far, 1 or more. schedule: not empty. jitter: chance, 0 to 1; 0.5 gives the pause itself.
    """
    pause = schedule[min(attempts, len(schedule)) - 1]
    return pause * (1 + SPREAD * (2 * jitter - 1))
