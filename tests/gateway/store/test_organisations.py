"""The register of organisations, on each engine."""

from dataclasses import replace
from datetime import timedelta

from gateway.audit.search import Query, search
from gateway.store import organisations
from gateway.store.organisations import Organisations
from gateway.store.store import Store
from policy.baa import Organisation, Relation
from tests.gateway.store.parts import NOW, make_event

BILLING = Organisation(
    name="Billing Ltd",
    relation=Relation.ASSOCIATE,
    domains=("billing.example", "invoices.example"),
    purposes=("payment",),
    is_qsoa=True,
    agreed_at=NOW - timedelta(days=10),
    expires_at=NOW + timedelta(days=10),
    contact="dpo@billing.example",
    recorded_by="privacy",
    recorded_at=NOW,
)
PAYER = replace(
    BILLING, name="Payer", relation=Relation.PAYER, domains=("payer.example",), is_qsoa=False, agreed_at=None,
    expires_at=None, purposes=(), contact="",
)  # fmt: skip


async def recorded(store: Store) -> tuple[Organisation, ...]:
    async with store.read() as conn:
        return await organisations.everything(conn)


async def add(store: Store, *new: Organisation, renews: bool = False) -> str:
    return await organisations.add(store, new, renews=renews, events=[make_event("baa.recorded")])


async def count(store: Store, kind: str) -> int:
    async with store.read() as conn:
        return len(await search(conn, Query(kind=kind)))


async def test_what_was_recorded_comes_back(store: Store) -> None:
    kept = Organisations(store)
    assert await kept.current() == {}
    assert await add(store, BILLING, PAYER) == ""
    assert await recorded(store) == (BILLING, PAYER)
    assert await kept.current() == {
        "billing.example": BILLING, "invoices.example": BILLING, "payer.example": PAYER,
    }  # fmt: skip


async def test_one_in_the_way_stops_all(store: Store) -> None:
    """A name that is taken, a domain of another one: nothing is written, not even an event."""
    await add(store, BILLING)
    assert await add(store, PAYER, BILLING) == "Billing Ltd is on the register already"
    twin = replace(PAYER, name="Twin", domains=("twin.example", "invoices.example"))
    assert await add(store, PAYER, twin) == "invoices.example belongs to Billing Ltd"
    assert await recorded(store) == (BILLING,)
    assert await count(store, "baa.recorded") == 1


async def test_renewal_and_end(store: Store) -> None:
    await add(store, BILLING)
    newer = replace(BILLING, domains=("billing.example",), expires_at=None)
    assert await add(store, newer, renews=True) == ""
    assert await recorded(store) == (newer,)
    event = make_event("baa.ended")
    assert await organisations.end(store, "Billing Ltd", at=NOW, events=[event])
    assert not await organisations.end(store, "Billing Ltd", at=NOW, events=[event])
    assert not await organisations.end(store, "Nobody", at=NOW, events=[event])
    assert await recorded(store) == (replace(newer, ended_at=NOW),)
    assert await count(store, "baa.ended") == 1
    assert await add(store, BILLING) == ""  # what has ended may begin anew
    assert await recorded(store) == (BILLING,)
