"""Pools of children that misbehave on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool

HANDLERS = "tests.gateway.workers.handlers"
LIMITS = Limits(wall_s=20, answer_bytes=64 * 1024 * 1024)
OpenPool = Callable[..., Awaitable[ChildPool]]


@pytest.fixture
async def open_pool() -> AsyncIterator[OpenPool]:
    """Open pools with `await open_pool(size, wall_s=…)`; they are stopped behind the test."""
    pools = []

    async def open_one(
        size: int = 1, module: str = HANDLERS, accepts: Callable[[bytes], bool] = lambda _: True, **limits: Any
    ) -> ChildPool:
        pool = ChildPool(module, size, replace(LIMITS, **limits), "test", accepts=accepts)
        pools.append(pool)
        await pool.start()
        return pool

    yield open_one
    for pool in pools:
        await pool.stop()
