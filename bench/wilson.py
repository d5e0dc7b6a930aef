"""The interval of a share that was counted, also where it is 0 or 1 or few were counted."""

from math import sqrt
from typing import Final

_Z: Final = 1.96  # 95 % of a normal distribution lie within so many deviations


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the lowest and the highest share that the count makes likely, at 95 %; (0, 1) when nothing was counted.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not of:
        return 0.0, 1.0
    share, spread = hits / of, _Z * _Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: int, of: int) -> str:
    """A share with its interval, 20 characters wide."""
    low, high = wilson(hits, of)
    return f"{hits / of if of else 0:5.3f} ({low:.3f}-{high:.3f})".rjust(20)
