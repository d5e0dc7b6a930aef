"""A process to be killed: commits messages from many callers and prints each id once its commit has returned."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from gateway.message.entry import EntryState
from gateway.store.rows import destroy_if_finished, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.homes import KEY
from tests.gateway.store.parts import accept, make_entry, make_event, make_message

CALLERS = 16
RECIPIENTS = 3


async def commit_for_ever(url: str, data_dir: Path) -> None:
    store = await Store.open(url=url, data_dir=data_dir, vault=Vault(KEY), node="node-1", free_space_floor=0)

    async def caller() -> None:
        while True:
            message = make_message(body=os.urandom(2000))
            first = make_entry(message.id)
            entries = tuple(replace(first, id=f"{message.id}-{n}") for n in range(1, RECIPIENTS + 1))
            await accept(store, replace(message, entries=entries))
            say(f"accepted {message.id}")
            for entry in entries:
                ended = save_entry(replace(entry, state=EntryState.DELIVERED), release=True)
                event = make_event("delivery.delivered", message.id)
                await store.commit(Unit(changes=(ended, destroy_if_finished(message.id)), events=(event,)))
            say(f"ended {message.id}")

    say("ready")
    await asyncio.gather(*(caller() for _ in range(CALLERS)))


def say(line: str) -> None:
    """One write for the whole line: a pipe takes it whole or not at all."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(commit_for_ever(sys.argv[1], Path(sys.argv[2])))
