"""A store, and an office on it as a gateway or a command opens it."""

from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.control.office import Office
from gateway.store.store import Store
from tests.gateway.config.samples import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
async def office(store: Store, settings: Settings) -> Office:
    return Office(store, settings)
