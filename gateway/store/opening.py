"""Opening the store that a configuration names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.store.store import Store, open_reader, open_vault


async def open_store(settings: Settings, *, node: str) -> Store:
    """Make `server.data_dir` and the master key on the first start, then open the store under its lock.

    node: name of this process in leases. Raises: as `Store.open`, and MasterKeyError.
    """
    data_dir = settings.server.data_dir
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = settings.store.url.text
    vault = await open_vault(url, master_key=settings.seal.master_key, data_dir=data_dir)
    return await Store.open(url=url, data_dir=data_dir, vault=vault, node=node)


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A connection that only reads, while a gateway runs too. Raises: StoreMissing, StoreSick, StoreUnsupported."""
    engine = await open_reader(settings.store.url.text, data_dir=settings.server.data_dir)
    try:
        async with engine.connect() as conn:
            yield conn
    finally:
        await engine.dispose()
