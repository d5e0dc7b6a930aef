"""Where an operation is done: in the gateway that runs, or alone, under the store's lock."""

from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.control.client import _perform, perform
from gateway.control.office import Office
from gateway.control.operations import Operations
from gateway.control.server import ControlServer
from gateway.store.errors import StoreLocked
from gateway.store.store import Store
from tests.gateway.config.samples import settings_in


def test_alone_when_no_gateway_runs(tmp_path: Path) -> None:
    """interface.md: the command opens the store itself, makes it on the first call, and gives it back."""
    settings = settings_in(tmp_path / "data")
    assert perform(settings, "queue.list") == []
    assert perform(settings, "queue.list", everything=True) == []
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


async def test_not_beside_a_process_that_does_not_answer(store: Store, settings: Settings, vault: object) -> None:
    """Two processes never share a store: a gateway that has just started, or another command, holds it."""
    with pytest.raises(StoreLocked, match="another"):
        await _perform(settings_with_key(settings, store), "queue.list", {})


def settings_with_key(settings: Settings, store: Store) -> Settings:
    """The store of the fixture was sealed by a key that is not on disk; the lock is looked at after it."""
    key = settings.server.data_dir / "master.key"
    key.touch(mode=0o600)
    key.write_bytes(store.vault._masters[0]._key)
    return settings


async def test_through_the_gateway_that_runs(office: Office, settings: Settings) -> None:
    control = ControlServer(settings.server.data_dir, Operations(office))
    await control.start()
    assert await _perform(settings, "user.list", {}) == []
    await control.stop()
