"""Statements written as text, run through SQLAlchemy: on PostgreSQL, and inside a running gateway."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.filter import Value
from gateway.store.overview import Fetch, Row


def through(conn: AsyncConnection) -> Fetch:
    """What `overview` reads with, on a connection."""

    async def fetch(sql: str, values: Mapping[str, Value]) -> list[Row]:
        result = await conn.execute(sa.text(sql), dict(values))
        cursor: Any = result.cursor  # past the `Row` that SQLAlchemy makes of each, which costs as much as the reading
        return list(cursor.fetchall())

    return fetch
