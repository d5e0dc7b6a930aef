"""A process that claims: several workers on one store beside others', each id printed once it is claimed."""

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.store import queue
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.homes import KEY

WORKERS: Final = 4
AT_ONCE: Final = 10
LEASE: Final = timedelta(minutes=1)


async def claim_all(url: str, data_dir: Path, node: str, now: datetime) -> None:
    """Claim until nothing is due; then wait to be killed, as the holder of all that."""
    store = await Store.open(url=url, data_dir=data_dir, vault=Vault(KEY), node=node, is_alone=False)
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)

    async def worker() -> None:
        while claimed := await queue.claim(store, owner=node, now=now, lease=LEASE, limit=AT_ONCE):
            for entry in claimed:
                say(entry.id)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    say("done")
    await asyncio.to_thread(sys.stdin.readline)
    await store.close()


def say(line: str) -> None:
    """One write for the whole line: a pipe takes it whole or not at all."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(claim_all(sys.argv[1], Path(sys.argv[2]), sys.argv[3], datetime.fromisoformat(sys.argv[4])))
