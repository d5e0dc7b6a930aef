"""What an operation may use: the open store and the settings. Lets operations on the store alone stay what they are."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from gateway.config import Settings
from gateway.control.asker import UNKNOWN, Asker
from gateway.pipeline.edits import Changer
from gateway.store.store import Store

Withdraw = Callable[[Collection[str]], frozenset[str]]  # `Scheduler.withdraw`


def _nobody_in_line(_ids: Collection[str]) -> frozenset[str]:
    """Of a command that found no gateway running: nothing is delivered meanwhile."""
    return frozenset()


async def _nobody_signs() -> None:
    """Of such a command too."""


@dataclass(frozen=True, slots=True)
class Office:
    """One installation, opened by a gateway or by a command that found none running.

    withdraw: takes entries out of the line for delivery. changing: who changes entries of the queue by hand holds it.
    keys_changed: has our own keys read again. asker: who asks for this one operation. changer: of bodies; None: of a
    command that found no gateway running.
    """

    store: Store
    settings: Settings
    withdraw: Withdraw = _nobody_in_line
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    keys_changed: Callable[[], Awaitable[None]] = _nobody_signs
    asker: Asker = UNKNOWN
    changer: Changer | None = None


def on_store(operation: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """An operation that needs nothing but the store, for the table; its keyword arguments stay what they are."""

    @functools.wraps(operation)
    async def perform(office: Office, **arguments: Any) -> Any:
        return await operation(office.store, **arguments)

    return perform
