"""Agreements that end soon: counted for monitoring, and told to people once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from structlog.testing import capture_logs

from gateway.audit.search import Query, search
from gateway.daemon.agreements import ENDED, STANDS, Agreements
from gateway.metrics import Metrics
from gateway.store import organisations
from gateway.store.store import Store
from policy.baa import Organisation, Relation

DAY = timedelta(days=1)


def associate(name: str, **changes: object) -> Organisation:
    now = datetime.now(UTC)
    made = Organisation(
        name=name, relation=Relation.ASSOCIATE, domains=(f"{name}.example",), purposes=("payment",),
        agreed_at=now - 400 * DAY, recorded_by="privacy", recorded_at=now,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def warned(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whom each warning is about, in their order."""
    return [line["organisation"] for line in logs if line["event"] == "agreement with a business associate"]


async def test_each_is_counted_and_told_once(store: Store) -> None:
    now = datetime.now(UTC)
    rows = [
        associate("stands"),
        associate("later", expires_at=now + 61 * DAY),
        associate("soon", expires_at=now + 29 * DAY),
        associate("over", expires_at=now - DAY),
        associate("quit", expires_at=now + 5 * DAY, ended_at=now - DAY),
        associate("payer", relation=Relation.PAYER, agreed_at=None),
    ]
    await organisations.add(store, rows, renews=False, events=())
    metrics = Metrics()
    watch = Agreements(store, metrics)
    with capture_logs() as logs:
        for _ in range(2):
            await watch.look()
    assert warned(logs) == ["over", "soon"]
    page = metrics.page().decode()
    for state, count in ((STANDS, 2), ("ends within 30 days", 1), ("ends within 60 days", 0), (ENDED, 2)):
        assert f'mailward_business_associates{{agreement="{state}"}} {count}.0' in page
    nearer = associate("soon", expires_at=now + 6 * DAY)
    await organisations.add(store, [nearer], renews=True, events=())
    with capture_logs() as logs:
        await watch.look()
    assert warned(logs) == ["soon"]


async def test_a_restart_does_not_tell_again(store: Store) -> None:
    """What people were told is an event, which the next run reads; one of another state is new."""
    now = datetime.now(UTC)
    await organisations.add(store, [associate("soon", expires_at=now + 29 * DAY)], renews=False, events=())
    await Agreements(store, Metrics()).look()
    with capture_logs() as logs:
        await Agreements(store, Metrics()).look()
    assert warned(logs) == []
    async with store.read() as conn:
        (event,) = await search(conn, Query(kind="baa.expiring"))
    assert (event.event.data["name"], event.event.data["state"]) == ("soon", "ends within 30 days")
