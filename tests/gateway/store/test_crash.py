"""kill -9 wherever the writer happens to be: what was acknowledged is there, and nothing is half there."""

import asyncio
import signal
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.message.entry import EntryState
from gateway.store import queue
from gateway.store.merkle import Frontier
from gateway.store.store import Store
from gateway.store.tables import audit_event, audit_tree, content
from tests.gateway.store.committer import RECIPIENTS
from tests.gateway.store.homes import Home

ROUNDS = {"sqlite": 10}
ROUNDS_ELSEWHERE = 5
LINES_MORE = 11  # each round lives so many acknowledgements longer than the one before
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost(home: Home) -> None:
    """QD-01, AU-07: after each kill every printed id is whole in the store, and so is every other."""
    accepted: set[str] = set()
    ended: set[str] = set()
    rounds = ROUNDS.get(home.url, ROUNDS_ELSEWHERE)
    for number in range(rounds):
        for line in await run_until_killed(home, after_lines=number * LINES_MORE):
            what, _, queue_id = line.partition(" ")
            (accepted if what == "accepted" else ended).add(queue_id)
        store = await home.open()
        try:
            await check(store, accepted, ended)
        finally:
            await store.close()
    assert len(accepted) > rounds * LINES_MORE
    assert ended


async def run_until_killed(home: Home, *, after_lines: int) -> list[str]:
    """All that the process had printed when it died, some time after it had printed `after_lines`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.gateway.store.committer", home.url, str(home.data_dir),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    lines = [await process.stdout.readline() for _ in range(after_lines)]
    process.kill()
    lines += (await process.stdout.read()).splitlines()
    assert await process.wait() == -signal.SIGKILL
    return [line.decode().strip() for line in lines]


async def check(store: Store, accepted: set[str], ended: set[str]) -> None:
    recipients: defaultdict[str, int] = defaultdict(int)
    delivered: defaultdict[str, int] = defaultdict(int)
    events: defaultdict[str, int] = defaultdict(int)
    frontier = Frontier()
    async with store.read() as conn:
        for entry in await queue.listing(conn, queue.Filter(limit=1_000_000)):
            recipients[entry.queue_id] += 1
            delivered[entry.queue_id] += entry.state is EntryState.DELIVERED
        for row in await conn.execute(sa.select(audit_event).order_by(audit_event.c.seq)):
            assert row.seq == frontier.size
            frontier = frontier.append(row.leaf_hash)
            events[row.queue_id] += 1
        tree = (await conn.execute(sa.select(audit_tree))).one()
        holders = set((await conn.execute(sa.select(content.c.message_id))).scalars())
    assert accepted <= recipients.keys(), "acknowledged messages are there"
    assert set(recipients.values()) <= {RECIPIENTS}, "with all their recipients"
    assert all(delivered[queue_id] == RECIPIENTS for queue_id in ended), "acknowledged endings are there"
    assert all(events[queue_id] == 1 + delivered[queue_id] for queue_id in recipients), "each with its event"
    assert events.keys() == recipients.keys()
    assert holders == {queue_id for queue_id in recipients if delivered[queue_id] < RECIPIENTS}, "content while needed"
    assert (tree.size, tree.frontier) == (frontier.size, frontier.to_bytes())
