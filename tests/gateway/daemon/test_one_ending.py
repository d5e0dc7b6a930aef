"""Portal, housekeeping and operator meet on one message: it gets one ending, and holds up no other (invariant 3)."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.audit.checkpoint import load_signer
from gateway.daemon.desk import Desk
from gateway.daemon.housekeeping import Housekeeping
from gateway.delivery.scheduler import Scheduler
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store.rows import PortalMessage
from policy.decision import Method
from tests.gateway.delivery.office import DAY, Office, make_entry

LATE = datetime.now(UTC) + 400 * DAY


async def housekeeping_of(office: Office) -> Housekeeping:
    signer = await load_signer(office.store, hostname="gw.clinic.example")
    scheduler = Scheduler(office.store, office.clerk)
    return Housekeeping(
        store=office.store,
        about=office.about,
        scheduler=scheduler,
        signer=signer,
        metrics=office.metrics,
        held_for=timedelta(days=30),
    )


def desk_of(office: Office) -> Desk:
    return Desk(office.store, office.own_mail, office.about, Scheduler(office.store, office.clerk))


async def in_portal(office: Office) -> PortalMessage:
    message = await office.send(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    (waiting,) = await office.waiting(message.id)
    return waiting


class Late(datetime):
    """A clock that is more than a portal message's life ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # as datetime's own stub has Self
        return LATE


async def test_opened_at_the_moment_of_its_expiry(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened between housekeeping's look and its commit: the sender is not told that nobody read it."""
    keeper, desk, waiting = await housekeeping_of(office), desk_of(office), await in_portal(office)
    monkeypatch.setattr("gateway.daemon.housekeeping.datetime", Late)
    give_back = office.about.give_back

    async def give_back_too_late(*arguments: Any, **more: Any) -> None:
        await desk.opened(waiting, client_ip="192.0.2.9")
        await give_back(*arguments, **more)

    monkeypatch.setattr(office.about, "give_back", give_back_too_late)
    await keeper.expire_portal()
    assert await office.state(waiting.queue_id) is EntryState.PICKED_UP
    assert await office.events("delivery.expired", waiting.queue_id) == []
    assert await office.events("dsn.created", waiting.queue_id) == []


async def test_opened_in_two_browsers_at_once(office: Office) -> None:
    """Both may read, and both are in the log; it is picked up once."""
    desk, waiting = desk_of(office), await in_portal(office)
    await asyncio.gather(*(desk.opened(waiting, client_ip=f"192.0.2.{number}") for number in (1, 2)))
    assert await office.state(waiting.queue_id) is EntryState.PICKED_UP
    assert len(await office.events("portal.opened", waiting.queue_id)) == 2


async def test_a_message_that_cannot_be_ended_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence endangers patients: the senders of the others are told all the same."""
    keeper = await housekeeping_of(office)
    first, second = await in_portal(office), await in_portal(office)
    monkeypatch.setattr("gateway.daemon.housekeeping.datetime", Late)
    give_back = office.about.give_back

    async def fail_on_the_first(entries: Sequence[QueueEntry], *arguments: Any, **more: Any) -> None:
        if entries[0].queue_id == first.queue_id:
            raise RuntimeError("a bug")
        await give_back(entries, *arguments, **more)

    monkeypatch.setattr(office.about, "give_back", fail_on_the_first)
    await keeper.expire_portal()
    assert await office.state(first.queue_id) is EntryState.PORTAL
    assert await office.state(second.queue_id) is EntryState.EXPIRED
    assert len(await office.events("dsn.created", second.queue_id)) == 1
