"""RX-02: deadlines of waits. How lines are cut is fuzzed in `tests/fuzz/inbox.py`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import pytest

from gateway.intake import replies
from gateway.intake.errors import PeerGoneError
from gateway.intake.inbox import Inbox

SOON_S = 0.05
LATER_S = 0.1
LIMIT_S = 5.0  # a test that takes so long has failed


def now() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def counted_timers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """When each timer was to ring that is set meanwhile."""
    loop, set_for = asyncio.get_running_loop(), list[float]()
    call_at = loop.call_at

    def note(when: float, *given: object) -> asyncio.TimerHandle:
        set_for.append(when)
        return call_at(when, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(loop, "call_at", note)
        yield set_for


async def test_one_timer_serves_many_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command costs a number, not a timer; and nothing is left of it when the peer has gone."""
    inbox, loop = Inbox(), asyncio.get_running_loop()
    with counted_timers(monkeypatch) as set_for:
        for _ in range(100):
            loop.call_soon(inbox.feed, b"NOOP\r\n")
            assert await inbox.command(100, now() + 300) == b"NOOP"
    assert len(set_for) == 1
    assert inbox._timer is not None
    timer = inbox._timer
    inbox.end()
    assert timer.cancelled()
    with pytest.raises(PeerGoneError):
        await inbox.command(100, now() + 300)


async def test_timer_of_an_earlier_wait_is_set_again() -> None:
    """RX-02: it rings for a wait that is over, and that does not end the present one, which still ends in time."""
    inbox, loop = Inbox(), asyncio.get_running_loop()
    loop.call_soon(inbox.feed, b"x")
    assert await inbox.block(now() + SOON_S) == b"x"
    until = now() + LATER_S
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(TimeoutError):
            await inbox.line(100, replies.LINE_TOO_LONG, until)
    assert until <= now() < until + LIMIT_S / 2


async def test_earlier_deadline_moves_the_timer() -> None:
    """RX-02: after a wait of minutes one of a moment ends in a moment."""
    inbox, loop = Inbox(), asyncio.get_running_loop()
    loop.call_soon(inbox.feed, b"x")
    assert await inbox.block(now() + 300) == b"x"
    started = now()
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(TimeoutError):
            await inbox.block(now() + SOON_S)
    assert now() - started < LIMIT_S / 2


async def test_octets_that_arrive_as_the_timer_rings_do_not_hide_it() -> None:
    """RX-02: who waits was woken for an octet already when the deadline passes; it is late all the same."""
    inbox, loop = Inbox(), asyncio.get_running_loop()
    until = now() + SOON_S
    loop.call_at(until, inbox.feed, b"x")
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(TimeoutError):
            await inbox.line(100, replies.LINE_TOO_LONG, until)


async def test_wait_without_an_end() -> None:
    """No deadline, no timer."""
    inbox, loop = Inbox(), asyncio.get_running_loop()
    loop.call_soon(inbox.feed, b"x")
    assert await inbox.block(inf) == b"x"
    assert inbox._timer is None
