"""A store with the parts that work a queue, and a whole installation for a gateway in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import Settings, load
from tests.e2e.installation import Installation
from tests.e2e.world import World, open_world
from tests.gateway.delivery.conftest import office

__all__ = ["office", "settings", "world"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Resolver, authority and mail servers, in threads of their own."""
    with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def settings(tmp_path: Path, world: World) -> Settings:
    """Free ports on loopback, one inspector, deadlines of seconds."""
    return load(Installation(tmp_path / "installation", world).config)
