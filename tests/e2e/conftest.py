"""One world and one running gateway for each module of tests; a test that breaks things makes its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation, running
from tests.e2e.world import World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("gateway") / "installation", world) as installation:
        yield installation


@pytest.fixture
def installation(tmp_path: Path, world: World) -> Iterator[Installation]:
    """One that does not run yet, for a single test."""
    installation = Installation(tmp_path / "installation", world)
    try:
        yield installation
    finally:
        installation.close()
