"""The suppression list, on each engine."""

from dataclasses import replace

from gateway.store import consents, suppressions
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression, suppress
from policy.consent import Consent, Kind
from tests.gateway.store.parts import NOW, make_event

BOUNCED = Suppression(address="gone@b.example", reason=Reason.BOUNCE, created_at=NOW, status="5.1.1", queue_id="Q1")
ASKED = Suppression(address="pat@b.example", reason=Reason.COMMAND, created_at=NOW, why="asked us")


async def listed(store: Store) -> tuple[Suppression, ...]:
    async with store.read() as conn:
        return await suppressions.everything(conn)


async def test_add_and_remove(store: Store) -> None:
    """Each with its event, which is written only when something changed."""
    event = make_event("suppression.added")
    assert await suppressions.add(store, ASKED, events=[event])
    assert not await suppressions.add(store, replace(ASKED, why="again"), events=[event])
    assert await listed(store) == (ASKED,)
    assert await suppressions.remove(store, ASKED.address, events=[event])
    assert not await suppressions.remove(store, ASKED.address, events=[event])
    assert await listed(store) == ()


async def test_a_bounce_comes_with_its_unit_and_once(store: Store) -> None:
    """Two messages to one address may bounce in one commit; what a person wrote stays."""
    twice = Unit(changes=(suppress(BOUNCED), suppress(replace(BOUNCED, queue_id="Q2"))))
    await store.commit(twice)
    await suppressions.add(store, ASKED, events=())
    await store.commit(Unit(changes=(suppress(replace(BOUNCED, address=ASKED.address)),)))
    assert await listed(store) == (BOUNCED, ASKED)


async def test_asking_for_many(store: Store) -> None:
    """More than one statement's worth of recipients."""
    await store.commit(Unit(changes=(suppress(BOUNCED),)))
    many = [f"p{number}@b.example" for number in range(1200)]
    async with store.read() as conn:
        assert await suppressions.among(conn, [*many, BOUNCED.address, BOUNCED.address]) == {BOUNCED.address: BOUNCED}
        assert await suppressions.among(conn, []) == {}


async def test_who_may_be_meant_by_any_opt_out(store: Store) -> None:
    """On the list, or with an opt-out in the register, revoked ones as well: whoever is not needs no closer look."""
    await suppressions.add(store, ASKED, events=())
    kinds = {"out@b.example": Kind.OPT_OUT, "mail@b.example": Kind.UNENCRYPTED}
    said = [
        Consent(
            id=kind.value,
            patient=address,
            kind=kind,
            purposes=(),
            recipients=(),
            given_at=NOW,
            revoked_at=NOW,
            recorded_by="x",
            recorded_at=NOW,
        )
        for address, kind in kinds.items()
    ]
    await consents.add(store, said, events=())
    asked = (ASKED.address, "mail@b.example", "out@b.example", "other@b.example", "out@b.example")
    assert await suppressions.touched(store, asked) == {ASKED.address, "out@b.example"}
    assert await suppressions.touched(store, ()) == frozenset()
