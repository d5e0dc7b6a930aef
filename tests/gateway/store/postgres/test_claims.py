"""Two processes on one queue: each entry has one holder, and a holder that died loses it once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from gateway.store import queue
from gateway.store.rows import new_message
from gateway.store.statements import Unit
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import NOW, make_message
from tests.gateway.store.postgres.claimer import LEASE

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

MESSAGES: Final = 1000
FEWER: Final = 200
ROOT: Final = Path(__file__).parents[4]
DEADLINE_S: Final = 60


@asynccontextmanager
async def claimer(home: Home, node: str, now: datetime = NOW) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with four workers, which begin when it reads a line."""
    folder = home.data_dir / node
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.gateway.store.postgres.claimer", home.url, str(folder), node, now.isoformat(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        return (await process.stdout.readline()).decode().strip()


async def claims_of(process: asyncio.subprocess.Process) -> list[str]:
    """Let it begin. Returns: what it had claimed when nothing was left."""
    tell(process)
    claimed: list[str] = []
    while (text := await line(process)) != "done":
        assert text, "it died"
        claimed.append(text)
    return claimed


def tell(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def fill(server: Home, number: int) -> set[str]:
    """Queue so many messages that are due. Returns: the ids of their entries."""
    store = await server.open(is_alone=False)
    messages = [make_message() for _ in range(number)]
    sealed = [await store.seal_message(one) for one in messages]
    await store.commit(Unit(changes=tuple(change for one in sealed for change in new_message(one))))
    await store.close()
    return {message.entries[0].id for message in messages}


async def test_each_message_is_claimed_once(server: Home) -> None:
    """QD-15: 1,000 messages, 8 workers, 2 processes."""
    full_queue = await fill(server, MESSAGES)
    async with claimer(server, "node-1") as first, claimer(server, "node-2") as second:
        one, other = await asyncio.gather(claims_of(first), claims_of(second))
    assert len(one) + len(other) == MESSAGES
    assert {*one, *other} == full_queue
    assert one, "both had a share"
    assert other


async def test_the_lease_of_a_dead_worker_is_given_out_once(server: Home) -> None:
    """QD-15: a process dies with its leases; once they have lapsed two others get each of its entries once, and none
    before. Somebody else is at work all the time, so nobody may take the leases back.
    """
    full_queue = await fill(server, FEWER)
    bystander = await server.open(is_alone=False)
    async with claimer(server, "node-1") as dead:
        assert set(await claims_of(dead)) == full_queue
        dead.kill()
        assert await dead.wait() == -signal.SIGKILL
    async with claimer(server, "node-2", NOW + LEASE / 2) as early:
        assert await claims_of(early) == []
    async with claimer(server, "node-3", NOW + LEASE) as first, claimer(server, "node-4", NOW + LEASE) as second:
        claims = await asyncio.gather(claims_of(first), claims_of(second))
        assert sorted(claims[0] + claims[1]) == sorted(full_queue)
    await bystander.close()


async def test_who_is_alone_takes_all_leases_back_at_once(server: Home) -> None:
    """As on SQLite: the lock says that nobody else works on the queue."""
    await fill(server, FEWER)
    async with claimer(server, "node-1") as dead:
        await claims_of(dead)
        dead.kill()
        await dead.wait()
        store = await server.open()
        assert len(await queue.claim(store, owner="n", now=NOW, lease=LEASE, limit=2 * FEWER)) == FEWER
        await store.close()
