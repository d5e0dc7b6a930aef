"""OB-10: when to try again, by what went wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.retry import PACES, Trouble, pause_after, trouble_of

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SCHEDULE = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR)
UNREACHED = "451 4.4.1 mx.b.example takes no connection"
PLAIN = [1, 5, 15, 60, 120, 120]


def saw(reply: str, seen: Seen = Seen.DEFERRED, host: str = "mx.b.example") -> Outcome:
    return Outcome(recipient="a@b.example", seen=seen, reply=reply, why="", started_at=datetime.now(UTC), host=host)


STALLED = saw("451 4.7.5 stalled", Seen.TLS_UNCERTAIN)


def pause(
    outcome: Outcome, *, attempts: int = 1, last: str = "", deadline: timedelta | None = None, jitter: float = 0.5
) -> timedelta:
    return pause_after(outcome, attempts=attempts, last_reply=last, schedule=SCHEDULE, deadline=deadline, jitter=jitter)


@pytest.mark.parametrize(
    ("outcome", "trouble", "expected"),
    [
        (saw(UNREACHED, host=""), Trouble.REACH, PLAIN),
        (saw("451 4.4.3 no answer from the resolver", host=""), Trouble.REACH, PLAIN),
        (saw("450 4.7.1 greylisted, try again in 300 s"), Trouble.ANSWER, PLAIN),
        (saw("421 too busy"), Trouble.ANSWER, PLAIN),
        (saw("451 4.7.0 try later"), Trouble.ANSWER, PLAIN),
        (saw("452 4.2.2 mailbox full"), Trouble.FULL, [15, 60, 120, 120, 120, 120]),
        (saw("452 4.3.1 disk full"), Trouble.FULL, [15, 60, 120, 120, 120, 120]),
        (STALLED, Trouble.TLS, [1, 5, 15, 15, 15, 15]),
        (saw("451 4.7.5 mismatch", Seen.TLS_MISMATCH), Trouble.TLS, [1, 5, 15, 15, 15, 15]),
        (saw("451 4.7.0 The message could not be signed", host=""), Trouble.OURS, [1, 5, 15, 15, 15, 15]),
    ],
)
def test_each_trouble_has_its_pace(outcome: Outcome, trouble: Trouble, expected: list[int]) -> None:
    """In minutes, when the same thing happens again and again on a rung that is left after an hour without TLS."""
    assert trouble_of(outcome) is trouble
    tries = range(1, len(expected) + 1)
    lasts = ["", *[outcome.reply] * len(expected)]
    found = [pause(outcome, attempts=n, last=lasts[n - 1], deadline=HOUR) // MINUTE for n in tries]
    assert found == expected


def test_every_trouble_is_in_the_table() -> None:
    assert set(PACES) == set(Trouble)


def test_urgent_tls_is_tried_often_before_its_deadline() -> None:
    """Five minutes: by the plain schedule there would be one more attempt between the first and the climb."""
    at, tries = timedelta(0), 0
    while at < 5 * MINUTE:
        tries += 1
        at += pause(STALLED, attempts=tries, deadline=5 * MINUTE)
    assert tries >= 4


def test_tls_that_is_waited_for_without_a_deadline_follows_the_schedule() -> None:
    """The last rung: nothing comes after it."""
    assert [pause(STALLED, attempts=attempts) // MINUTE for attempts in range(1, 7)] == PLAIN


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_a_server_that_answers_at_last_is_asked_again_soon(jitter: float) -> None:
    """Out of reach for a day, then greylisting: two more hours would be for nothing, and 4:30 misses the usual 5:00."""
    found = pause(saw("450 4.7.1 greylisted"), attempts=12, last=UNREACHED, jitter=jitter)
    assert 5 * MINUTE <= found <= 5.5 * MINUTE


def test_chance_spreads_by_a_tenth() -> None:
    """What was deferred together does not return together."""
    found = [pause(saw(UNREACHED), attempts=4, jitter=jitter) for jitter in (0.0, 0.5, 1.0)]
    assert found == [54 * MINUTE, HOUR, 66 * MINUTE]


@pytest.mark.parametrize("reply", [UNREACHED, "452 4.2.2 full", "450 4.7.1 greylisted", "451 4.3.0 Local error", ""])
@pytest.mark.parametrize("last", ["", UNREACHED])
@pytest.mark.parametrize("host", ["", "mx.b.example"])
def test_a_schedule_of_one_pause_is_enough(reply: str, last: str, host: str) -> None:
    found = pause_after(
        saw(reply, host=host), attempts=9, last_reply=last, schedule=(MINUTE,), deadline=None, jitter=0.0
    )
    assert found in (0.9 * MINUTE, MINUTE)
