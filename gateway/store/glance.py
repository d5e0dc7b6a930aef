"""A look into the store beside a running gateway, with as little loaded as that takes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gateway.config import Settings
from gateway.config.store_url import SQLITE
from gateway.store.file import existing_database, reading_file
from gateway.store.filter import Value
from gateway.store.overview import Fetch, Row


@asynccontextmanager
async def glancing(settings: Settings) -> AsyncIterator[Fetch]:
    """What `overview` reads with. Raises: StoreMissing, StoreSick, StoreUnsupported."""
    if settings.store.url.text != SQLITE:
        from gateway.store.fetching import through  # late: SQLAlchemy, which a file is read without
        from gateway.store.opening import reading

        async with reading(settings) as conn:
            yield through(conn)
        return
    with reading_file(existing_database(settings.server.data_dir)) as cursor:

        async def fetch(sql: str, values: Mapping[str, Value]) -> list[Row]:
            return cursor.execute(sql, values).fetchall()

        yield fetch
