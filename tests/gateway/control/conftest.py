"""A store, and an office on it as a gateway or a command opens it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from gateway.config import Settings
from gateway.control.office import Office
from gateway.store.store import Store
from tests.gateway.config.samples import settings_in


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The socket on both loops: the gateway runs on uvloop, commands do not."""
    both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return both if item.path.name == "test_server.py" else {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
async def office(store: Store, settings: Settings) -> Office:
    return Office(store, settings)
