"""Queue ids sort by time, never repeat, and are safe wherever they are written."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.queue_id import ALPHABET, LENGTH, make_queue_id, new_queue_id

TIMES = st.integers(0, 2**48 - 1)
CHANCE = st.binary(min_size=10, max_size=10)


@given(TIMES, CHANCE, TIMES, CHANCE)
def test_order_is_that_of_time_then_chance(time: int, chance: bytes, later: int, other: bytes) -> None:
    """Sortable as text: pages of the queue and of the log come in the order of arrival."""
    first, second = make_queue_id(time_ms=time, chance=chance), make_queue_id(time_ms=later, chance=other)
    assert (first < second) == ((time, chance) < (later, other))
    assert (first == second) == ((time, chance) == (later, other))


@given(TIMES, CHANCE)
def test_form(time: int, chance: bytes) -> None:
    """No letter that could be mistaken, in a file name, a log line or an SMTP reply."""
    queue_id = make_queue_id(time_ms=time, chance=chance)
    assert len(queue_id) == LENGTH
    assert set(queue_id) <= set(ALPHABET)


@pytest.mark.parametrize(
    ("time_ms", "chance", "queue_id"),
    [
        (0, bytes(10), "0" * 26),
        (2**48 - 1, b"\xff" * 10, "7" + "Z" * 25),
        (1, bytes(9) + b"\x01", "00000000010000000000000001"),
    ],
)
def test_examples(time_ms: int, chance: bytes, queue_id: str) -> None:
    assert make_queue_id(time_ms=time_ms, chance=chance) == queue_id


def test_two_nodes_in_one_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unique across nodes by chance alone: 80 bits."""
    assert len({new_queue_id() for _ in range(1000)}) == 1000
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    assert len({make_queue_id(time_ms=1, chance=os.urandom(10)) for _ in range(1000)}) == 1000
    assert len({new_queue_id()[:10] for _ in range(5)}) == 1
