"""Opening the store that a configuration names."""

import asyncio

from gateway.config import Settings
from gateway.store.store import Store, open_vault


async def open_store(settings: Settings, *, node: str) -> Store:
    """Make `server.data_dir` and the master key on the first start, then open the store under its lock.

    node: name of this process in leases. Raises: as `Store.open`, and MasterKeyError.
    """
    data_dir = settings.server.data_dir
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = await asyncio.to_thread(open_vault, master_key=settings.seal.master_key, data_dir=data_dir)
    return await Store.open(url=settings.store.url, data_dir=data_dir, vault=vault, node=node)
