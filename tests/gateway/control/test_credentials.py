"""Passwords for programs, as the control socket keeps them: scope, one look at the secret, the audit log's word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.audit.search import Query, search
from gateway.control import credentials
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.intake.passwords import hash_secret
from gateway.store.accounts import Accounts

SCANNER: dict[str, Any] = {"name": "scanner-3", "senders": ["Scan@Clinic.example"]}


async def test_create_list_revoke(office: Office) -> None:
    made = await credentials.create(
        office, **SCANNER, networks=["10.0.0.0/8"], expires="90d", messages_per_hour=10, phi_per_hour=1
    )
    secret = made.pop("secret")
    (account,) = (await Accounts(office.store).current()).by_login.values()
    assert account.key == hash_secret(secret)
    assert await credentials.listing(office) == [made]
    assert (made["senders"], made["networks"]) == (["scan@clinic.example"], ["10.0.0.0/8"])
    assert (made["messages_per_hour"], made["recipients_per_hour"], made["phi_per_hour"]) == (10, None, 1)
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)
    await credentials.revoke(office, name="scanner-3", reason="stolen")
    (row,) = await credentials.listing(office)
    assert row["revoked_at"]
    async with office.store.read() as conn:
        created, revoked = [found.event for found in await search(conn, Query())]
    assert (created.kind, created.data["senders"]) == ("credential.created", ["scan@clinic.example"])
    assert (revoked.kind, revoked.data["name"], revoked.data["why"]) == ("credential.revoked", "scanner-3", "stolen")
    assert secret not in repr([created, revoked, row])


async def test_a_name_is_given_once(office: Office) -> None:
    """The audit log of years ago speaks of it."""
    await credentials.create(office, **SCANNER)
    await credentials.revoke(office, name="scanner-3", reason="gone")
    with pytest.raises(Refused, match="existed"):
        await credentials.create(office, **SCANNER)
    with pytest.raises(Refused, match="revoked already"):
        await credentials.revoke(office, name="scanner-3", reason="gone")
    with pytest.raises(Refused, match="no credential"):
        await credentials.revoke(office, name="nobody", reason="gone")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "Scanner"}, "no name"),
        ({"name": "a@clinic.example"}, "no name"),
        ({"name": ""}, "no name"),
        ({"senders": []}, "at least one sender"),
        ({"senders": ["scan@elsewhere.example"]}, "not sent from here"),
        ({"senders": ["*@sub.clinic.example"]}, "not sent from here"),
        ({"senders": ["*@*.example"]}, "cannot be a sender"),
        ({"senders": ["a@clinic.example, b@clinic.example"]}, "cannot be a sender"),
        ({"networks": ["10.0.0.1/8"]}, "inside a network"),
        ({"expires": "soon"}, "soon"),
    ],
)
async def test_what_is_refused(office: Office, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        await credentials.create(office, **(SCANNER | changes))
    assert refused.value.status == 2
    assert await credentials.listing(office) == []
