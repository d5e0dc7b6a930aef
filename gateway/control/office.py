"""What an operation may use: the open store and the settings. Lets operations on the store alone stay what they are."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.config import Settings
from gateway.store.store import Store


@dataclass(frozen=True, slots=True)
class Office:
    """One installation, opened by a gateway or by a command that found none running."""

    store: Store
    settings: Settings


def on_store(operation: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """An operation that needs nothing but the store, for the table; its keyword arguments stay what they are."""

    @functools.wraps(operation)
    async def perform(office: Office, **arguments: Any) -> Any:
        return await operation(office.store, **arguments)

    return perform
