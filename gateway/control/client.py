"""The command line's end: ask the running gateway, or, when none runs, open the store alone and do it here."""

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway.config import Settings
from gateway.control.asker import asker_here
from gateway.control.office import Office
from gateway.control.operations import Operations
from gateway.control.owner import owners_files
from gateway.control.wire import NoGateway, ask
from gateway.store.opening import open_store


def perform(settings: Settings, call: str, **args: Any) -> Any:
    """Do one operation of `gateway.control.operations` and give its result.

    Raises: Refused with a sentence for the person; StoreLocked when a process that does not answer holds the store.
    """
    return asyncio.run(_perform(settings, call, args))


async def _perform(settings: Settings, call: str, args: Mapping[str, Any]) -> Any:
    data_dir = settings.server.data_dir
    if data_dir.is_dir():
        try:
            return await ask(data_dir, call, args)
        except NoGateway:
            pass
    with owners_files(data_dir):
        store = await open_store(settings, node="cli")
        try:
            return await Operations(Office(store, settings)).perform(call, args, asker=asker_here())
        finally:
            await store.close()
