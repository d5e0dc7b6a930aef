"""A running intake for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.intake.harness import Server, running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Real listeners on loopback, one of each kind."""
    async with running(tmp_path) as started:
        yield started
