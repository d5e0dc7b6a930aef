"""Who may sign in, as the control socket keeps it: addresses, passwords, and what the audit log hears."""

import pytest

from gateway.audit.search import Query, search
from gateway.control import people
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.store.store import Store

PASSWORD = "correct horse"
pytestmark = pytest.mark.slow  # passwords are hashed by argon2id


async def test_add_passwd_disable(store: Store) -> None:
    await people.add(store, address="Joe@Clinic.example", password=PASSWORD, role="sender")
    with pytest.raises(Refused, match="exists already"):
        await people.add(store, address="joe@clinic.example", password=PASSWORD, role="sender")
    await people.passwd(store, address="JOE@clinic.example", password=PASSWORD + " staple")
    await people.disable(store, address="joe@clinic.example")
    (row,) = await people.listing(store)
    assert (row["address"], row["role"]) == ("joe@clinic.example", "sender")
    assert row["disabled_at"]
    async with store.read() as conn:
        events = [found.event for found in await search(conn, Query())]
    assert [event.kind for event in events] == ["user.added", "user.password_changed", "user.disabled"]
    assert PASSWORD not in repr([*events, row])


async def test_delegations(office: Office) -> None:
    """Send-as: ours only, audited, listed, taken back."""
    await people.add(office.store, address="joe@clinic.example", password=PASSWORD, role="sender")
    await people.delegate(office, address="Joe@clinic.example", other="Lab@Clinic.example")
    (row,) = await people.listing(office.store)
    assert row["may_send_as"] == ["lab@clinic.example"]
    for other, why in (
        ("lab@clinic.example", "already"),
        ("joe@clinic.example", "already"),
        ("lab@elsewhere.example", "not sent from here"),
    ):
        with pytest.raises(Refused, match=why):
            await people.delegate(office, address="joe@clinic.example", other=other)
    with pytest.raises(Refused, match="no user"):
        await people.delegate(office, address="nobody@clinic.example", other="lab@clinic.example")
    await people.undelegate(office, address="joe@clinic.example", other="lab@clinic.example")
    with pytest.raises(Refused, match="no delegation"):
        await people.undelegate(office, address="joe@clinic.example", other="lab@clinic.example")
    async with office.store.read() as conn:
        events = [found.event for found in await search(conn, Query())]
    assert [(event.kind, event.data.get("may_send_as")) for event in events[1:]] == [
        ("user.delegated", "lab@clinic.example"),
        ("user.undelegated", "lab@clinic.example"),
    ]


async def test_nobody(store: Store) -> None:
    with pytest.raises(Refused, match="no user"):
        await people.passwd(store, address="joe@clinic.example", password=PASSWORD)
    with pytest.raises(Refused, match="no user"):
        await people.disable(store, address="joe@clinic.example")


@pytest.mark.parametrize(
    ("address", "password", "why"),
    [
        ("joe", PASSWORD, "not an address"),
        ("joe@clinic.example, boss@clinic.example", PASSWORD, "not an address"),
        ("joe@clinic.example\r\n", PASSWORD, "not an address"),
        ("joe@clinic.example", "short", "8 to 1024"),
        ("joe@clinic.example", "x" * 1025, "8 to 1024"),
    ],
)
async def test_what_is_refused(store: Store, address: str, password: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        await people.add(store, address=address, password=password, role="sender")
    assert refused.value.status == 2
    assert await people.listing(store) == []
