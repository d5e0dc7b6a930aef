"""A running intake for each test."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from gateway.log import configure
from tests.gateway.intake.harness import Server, running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Real listeners on loopback, one of each kind."""
    async with running(tmp_path) as started:
        yield started


@pytest.fixture
def log_text() -> Iterator[io.StringIO]:
    """What the gateway logs, as an operator would read it at the most talkative level."""
    stream = io.StringIO()
    configure(level="debug", stream=stream)
    yield stream
    structlog.reset_defaults()
