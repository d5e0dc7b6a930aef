"""Opening the store that a configuration names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.config import Settings
from gateway.store import rotation
from gateway.store.key_command import open_vault_of
from gateway.store.store import Store, open_reader, open_vault
from gateway.store.vault import Vault


async def open_store(settings: Settings, *, node: str) -> Store:
    """Make `server.data_dir` and the master key on the first start, then open the store under its lock.

    A rotation of the master key that was cut short is finished, if nobody else may use the database.
    node: name of this process in leases.
    Raises: as `Store.open`, and MasterKeyError.
    """
    data_dir = settings.server.data_dir
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = settings.store.url.text
    vault = await open_vault(url, seal=settings.seal, data_dir=data_dir)
    store = await Store.open(url=url, data_dir=data_dir, vault=vault, node=node)
    if vault.has_others and store.is_alone:  # else both keys stay: others may seal by either
        await rotation.finish(store, is_quiet=True)
    return store


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A connection that only reads, while a gateway runs too. Raises: StoreMissing, StoreSick, StoreUnsupported."""
    engine = await open_reader(settings.store.url.text, data_dir=settings.server.data_dir)
    try:
        async with engine.connect() as conn:
            yield conn
    finally:
        await engine.dispose()


@dataclass(frozen=True, slots=True)
class Reader:
    """A store that is looked into beside a running gateway; it does not change for who looks."""

    engine: AsyncEngine = field(repr=False)
    vault: Vault
    registers_revision: int = 0

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection that only reads."""
        return self.engine.connect()


@asynccontextmanager
async def reading_sealed(settings: Settings) -> AsyncIterator[Reader]:
    """The same as `reading`, with the key to what is sealed.

    Raises: as `reading`, and MasterKeyError; DamagedContent when another key sealed it.
    """
    engine = await open_reader(settings.store.url.text, data_dir=settings.server.data_dir)
    try:
        vault = await asyncio.to_thread(open_vault_of, settings.seal, may_create=False)
        async with engine.connect() as conn:
            await rotation.keep_hash_keys(conn, vault)
        yield Reader(engine, vault)
    finally:
        await engine.dispose()
