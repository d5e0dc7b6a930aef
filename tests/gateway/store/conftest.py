"""A store on a fresh directory, and messages to put into it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.store.parts import open_store


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture
async def store(tmp_path: Path, vault: Vault) -> AsyncIterator[Store]:
    store = await open_store(tmp_path, vault)
    yield store
    await store.close()
