"""RX-06: complete large messages are worked on in turn, within a budget, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.intake.errors import HangUpError, RefusedError
from gateway.intake.turns import Turns


@asynccontextmanager
async def in_line(turns: Turns, *clients: str, size: int = 60) -> AsyncIterator[list[str]]:
    """Messages that wait, in this order. Gives the list of those whose turn has come."""
    served: list[str] = []

    async def one(who: str) -> None:
        await turns.wait(who, size)
        served.append(who)

    tasks = []
    for who in clients:
        tasks.append(asyncio.create_task(one(who)))
        await settle()
    yield served
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_budget_is_kept_and_given_back() -> None:
    turns = Turns(100)
    await turns.wait("a", 60)
    await turns.wait("b", 40)
    async with in_line(turns, "c", size=50) as served:
        turns.give_back(40)
        await settle()
        assert served == []
        turns.give_back(60)
        await settle()
        assert served == ["c"]


async def test_a_message_that_is_alone_has_its_turn() -> None:
    """A large one is not refused for ever."""
    turns = Turns(100)
    await turns.wait("a", 500)
    assert turns.waiting == 0


async def test_clients_take_turns() -> None:
    """Who sends much holds up nobody else."""
    turns = Turns(100)
    await turns.wait("bulk", 60)
    async with in_line(turns, "bulk", "bulk", "bulk", "doctor") as served:
        for _ in range(4):
            turns.give_back(60)
            await settle()
        assert served == ["bulk", "doctor", "bulk", "bulk"]


async def test_a_small_one_does_not_overtake() -> None:
    """The largest message's turn comes, too."""
    turns = Turns(100)
    await turns.wait("a", 60)
    async with in_line(turns, "large", size=90), in_line(turns, "small", size=10) as served:
        await settle()
        assert served == []


async def test_waiting_ends() -> None:
    """QD-05: 452 long before the client gives up, and the place in line is free."""
    turns = Turns(100, within_s=0.001)
    await turns.wait("a", 60)
    with pytest.raises(RefusedError, match=r"^452 4\.3\.1 "):
        await turns.wait("b", 60)
    assert turns.waiting == 0
    turns.give_back(60)
    await turns.wait("c", 100)


async def test_who_is_cancelled_gives_its_turn_back() -> None:
    """Also when the turn came in the same moment."""
    turns = Turns(100)
    await turns.wait("a", 60)
    waiting = asyncio.create_task(turns.wait("b", 60))
    await settle()
    turns.give_back(60)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await turns.wait("c", 100)
    assert turns.waiting == 0


async def test_nobody_waits_for_a_stop() -> None:
    """QD-18: 421; the client still has the message."""
    turns = Turns(100)
    await turns.wait("a", 60)
    waiting = asyncio.create_task(turns.wait("b", 60))
    await settle()
    turns.close()
    for late in (waiting, turns.wait("c", 10)):
        with pytest.raises(HangUpError, match=r"^421 "):
            await late
