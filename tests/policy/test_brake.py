"""The last hour of a login: what is counted, what is forgotten, which limit is passed first."""

import pytest

from policy.brake import HOUR_S, Limits, Reason, Window

LIMITS = Limits(messages=5, recipients=10, phi=2, novelty_percent=80, novelty_floor=3)
T = 1_800_000_000.0


def people(count: int, word: str = "p") -> list[str]:
    return [f"{word}{number}@x.example" for number in range(count)]


@pytest.mark.parametrize(
    ("sends", "reason"),
    [
        ([(1, False)] * 5, None),
        ([(1, False)] * 6, Reason.MESSAGES),
        ([(10, False)], None),
        ([(11, False)], Reason.RECIPIENTS),
        ([(1, True)] * 2, None),
        ([(1, True)] * 3, Reason.PHI),
        ([(1, True)] * 3 + [(1, False)] * 3, Reason.MESSAGES),
    ],
)
def test_which_limit_is_passed(sends: list[tuple[int, bool]], reason: Reason | None) -> None:
    """A limit is what may leave: one more passes it."""
    window = Window()
    for number, (count, is_protected) in enumerate(sends):
        window.count(people(count), is_protected=is_protected, at=T + number)
    assert window.passed(LIMITS) is reason


def test_recipients_are_counted_once() -> None:
    """In any case of letters."""
    window = Window()
    for number in range(5):
        window.count(["a@x.example", "A@X.example"], is_protected=False, at=T + number)
    window.count(people(9), is_protected=False, at=T + HOUR_S + 2.5)
    assert window.passed(LIMITS) is None


def test_an_hour_is_forgotten() -> None:
    window = Window()
    for number in range(5):
        window.count(people(10), is_protected=number < 2, at=T + number)
    window.count(people(1, "q"), is_protected=True, at=T + HOUR_S + 5)
    assert window.passed(LIMITS) is None
    window.forget_before(T + 2 * HOUR_S + 5)
    assert window.is_empty


def test_what_was_not_accepted_does_not_count() -> None:
    window = Window()
    for number in range(8):
        window.count(people(1), is_protected=True, at=T + number)
        window.uncount(is_protected=True, at=T + number)
    window.uncount(is_protected=True, at=T)
    assert window.passed(LIMITS) is None


@pytest.mark.parametrize(
    ("known", "reason"), [(0, Reason.NOVELTY), (1, None), (5, None)], ids=["all new", "4 of 5 new", "none new"]
)
def test_novelty_is_a_share_above_a_floor(known: int, reason: Reason | None) -> None:
    """More than 80 of 100; a person who writes to a few strangers is left alone."""
    window = Window()
    window.count(people(3), is_protected=False, at=T)
    assert window.to_look_up(LIMITS) == ()
    window.count(people(5), is_protected=False, at=T + 1)
    asked = window.to_look_up(LIMITS)
    assert set(asked) == set(people(5))
    window.looked_up(asked, people(known))
    assert window.to_look_up(LIMITS) == (), "asked once"
    assert window.passed(LIMITS) is reason


def test_novelty_can_be_switched_off() -> None:
    window = Window()
    window.count(people(10), is_protected=False, at=T)
    assert window.to_look_up(Limits(messages=5, recipients=10, phi=2)) == ()
    assert window.passed(Limits(messages=5, recipients=10, phi=2)) is None


def test_memory_is_what_the_limits_allow() -> None:
    """Who sends for days within the limits does not fill memory."""
    window = Window()
    for number in range(10_000):
        window.count([f"p{number}@x.example"], is_protected=True, at=T + number * HOUR_S / 4)
    assert len(window._messages) == len(window._protected) == len(window._recipients) == 4
