"""gateway.control.smime on a real store: import, list, trust, forget, and what the audit log keeps of it."""

import base64
from typing import Any

import pytest

from gateway.audit.search import Query, search
from gateway.control import smime
from gateway.control.wire import Refused
from gateway.store import smime_certificates
from gateway.store.store import Store
from tests.gateway.control.test_keys import store

__all__ = ["store"]  # a fixture

ONE: dict[str, Any] = {
    "fingerprint": "A" * 64,
    "address": "B@Example.org",
    "certificate": base64.b64encode(b"octets").decode(),
    "chain": [base64.b64encode(b"issuer").decode()],
    "trust": "chain",
    "expires_at": "2027-11-24T00:00:00+00:00",
}


async def test_import_list_trust_forget(store: Store) -> None:
    """A certificate serves each of its addresses, in any letter case, and is trusted and forgotten for all of them."""
    two = {**ONE, "address": "c@example.org", "trust": "none", "chain": []}
    assert await smime.import_certificates(store, incoming=[ONE, two]) == 2
    assert await smime.import_certificates(store, incoming=[ONE]) == 1  # not doubled
    async with store.read() as conn:
        (row,) = await smime_certificates.for_address(conn, "b@EXAMPLE.org")
    assert (row.certificate, row.chain) == (b"octets", (b"issuer",))
    assert [(one["address"], one["trust"]) for one in await smime.listing(store)] == [
        ("b@example.org", "chain"),
        ("c@example.org", "none"),
    ]
    await smime.trust(store, fingerprint="A" * 64)
    assert {one["trust"] for one in await smime.listing(store)} == {"person"}
    await smime.forget(store, fingerprint="A" * 64)
    assert await smime.listing(store) == []
    for change in (smime.trust, smime.forget):
        with pytest.raises(Refused, match="no certificate"):
            await change(store, fingerprint="A" * 64)
    async with store.read() as conn:
        events = [found.event for found in await search(conn, Query())]
    assert [event.kind.partition(".")[2] for event in events] == ["imported"] * 3 + ["trusted", "forgotten"]
    assert "octets" not in str(events)


async def test_revoked_is_revoked_for_every_address(store: Store) -> None:
    """CR-05: also for one that the same certificate is imported for, or found by DNS for, only afterwards."""
    await smime.import_certificates(store, incoming=[ONE])
    assert await smime.revoked(store, fingerprint="A" * 64)
    await smime.import_certificates(store, incoming=[{**ONE, "address": "c@example.org"}])
    assert {one["address"]: one["trust"] for one in await smime.listing(store)} == {
        "b@example.org": "revoked",
        "c@example.org": "revoked",
    }


@pytest.mark.parametrize(
    "incoming",
    [
        [{**ONE, "address": "b@example.org, c@example.org"}],
        [{**ONE, "trust": "surely"}],
        [{"address": "b@example.org"}],
        "x",
    ],
)
async def test_nonsense_is_refused(store: Store, incoming: Any) -> None:
    """What comes over the socket is checked; nothing is filed."""
    with pytest.raises(Refused):
        await smime.import_certificates(store, incoming=incoming)
    assert await smime.listing(store) == []
