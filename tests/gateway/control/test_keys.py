"""gateway.control.keys on a real store: import, list, forget, and what the audit log keeps of it."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.audit.search import Query, search
from gateway.control import keys
from gateway.control.wire import Refused
from gateway.store import certificates
from gateway.store.store import Store
from gateway.store.vault import Vault

ONE: dict[str, Any] = {
    "fingerprint": "A" * 40,
    "address": "B@Example.org",
    "certificate": base64.b64encode(b"octets").decode(),
    "expires_at": "2027-11-24T00:00:00+00:00",
}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(url="sqlite", data_dir=tmp_path, vault=Vault(bytes(32)), node="n")
    yield opened
    await opened.close()


async def test_import_list_forget(store: Store) -> None:
    """A key serves each of its addresses, in any letter case, and is forgotten for all of them."""
    two = {**ONE, "address": "c@example.org"}
    assert await keys.import_certificates(store, incoming=[ONE, two]) == 2
    assert await keys.import_certificates(store, incoming=[ONE]) == 1  # renewed, not doubled
    async with store.read() as conn:
        assert await certificates.for_address(conn, "b@EXAMPLE.org") == (b"octets",)
    listed = await keys.listing(store)
    assert [row["address"] for row in listed] == ["b@example.org", "c@example.org"]
    assert datetime.fromisoformat(listed[0]["expires_at"]) == datetime(2027, 11, 24, tzinfo=UTC)
    await keys.forget(store, fingerprint="A" * 40)
    assert await keys.listing(store) == []
    with pytest.raises(Refused, match="no key"):
        await keys.forget(store, fingerprint="A" * 40)


async def test_changes_are_audited(store: Store) -> None:
    """Whose key was filed or forgotten, and when, is evidence."""
    await keys.import_certificates(store, incoming=[ONE])
    await keys.forget(store, fingerprint="A" * 40)
    async with store.read() as conn:
        kinds = [found.event.kind for found in await search(conn, Query())]
    assert kinds == ["key.imported", "key.forgotten"]


TWO = {**ONE, "fingerprint": "B" * 40, "certificate": base64.b64encode(b"another").decode()}


async def test_a_changed_key_waits_for_a_person(store: Store) -> None:
    """CR-03: accepted, it takes the place of the old one; each step is evidence."""
    await keys.found(store, incoming=[ONE], source="wkd")
    assert await keys.found(store, incoming=[ONE], source="wkd") == []
    assert await keys.found(store, incoming=[TWO], source="wkd") == [{"fingerprint": "B" * 40, "trust": "pending"}]
    with pytest.raises(Refused, match="accept"):
        await keys.trust(store, fingerprint="B" * 40)
    with pytest.raises(Refused, match="waits"):
        await keys.accept(store, fingerprint="A" * 40)
    await keys.accept(store, fingerprint="B" * 40)
    with pytest.raises(Refused, match="waits"):
        await keys.reject(store, fingerprint="B" * 40)
    async with store.read() as conn:
        assert await certificates.for_address(conn, "b@example.org") == (b"another",)
        kinds = [found.event.kind for found in await search(conn, Query())]
    assert kinds == ["key.found", "key.found", "key.accepted"]


async def test_a_strangers_word_is_not_used(store: Store) -> None:
    """CR-03: what a keyserver has is on file and used for nothing until somebody trusts it."""
    await keys.found(store, incoming=[ONE], source="vks")
    async with store.read() as conn:
        assert await certificates.for_address(conn, "b@example.org") == ()
    await keys.trust(store, fingerprint="A" * 40)
    async with store.read() as conn:
        assert await certificates.for_address(conn, "b@example.org") == (b"octets",)
    with pytest.raises(Refused, match="no key"):
        await keys.trust(store, fingerprint="C" * 40)
    with pytest.raises(Refused, match="do not come"):
        await keys.found(store, incoming=[ONE], source="rumour")


@pytest.mark.parametrize(
    "incoming", [[{**ONE, "address": "b@example.org, c@example.org"}], [{"address": "b@example.org"}], "x", [1]]
)
async def test_nonsense_is_refused(store: Store, incoming: Any) -> None:
    """What comes over the socket is checked; nothing is filed."""
    with pytest.raises(Refused):
        await keys.import_certificates(store, incoming=incoming)
    assert await keys.listing(store) == []
