"""A running intake for each test."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import structlog
import uvloop

from gateway.log import configure
from tests.gateway.intake.harness import Server, running


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops: the gateway runs on uvloop where it installs."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


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
