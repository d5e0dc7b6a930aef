"""Waiting for what tasks of the program do in their own time: a row, a state, a mail that arrives."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Final

LIMIT_S: Final = 15
EVERY_S: Final = 0.005


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again until it is true. Raises: TimeoutError when it does not become so in time."""
    async with asyncio.timeout(LIMIT_S):
        while not await _value(condition()):  # noqa: ASYNC110  # no event tells of a row in a database
            await asyncio.sleep(EVERY_S)


async def _value(answer: bool | Awaitable[bool]) -> bool:
    return await answer if inspect.isawaitable(answer) else bool(answer)
