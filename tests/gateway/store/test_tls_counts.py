"""Counts of TLS sessions and the state of their reports, on every engine (TL-29)."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.store import tls_counts, tls_reports
from gateway.store.errors import StoreSick
from gateway.store.store import Store
from gateway.store.tables import tls_policy
from gateway.store.tls_reports import Fate, ReportState
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import NOW
from tls.failures import TlsFailure
from tls.tlsrpt.count import Peer, Session, count_failure, count_success
from tls.tlsrpt.results import AppliedPolicy, PolicyType

DAY = date(2026, 3, 1)
NO_POLICY = AppliedPolicy(type=PolicyType.NONE, domain="b.example")
STS = AppliedPolicy(type=PolicyType.STS, domain="b.example", strings=("mode: enforce",), mx_hosts=("*.b.example",))
GOOD = count_success("b.example", DAY, NO_POLICY)


def failed(number: int = 1, day: date = DAY, policy: AppliedPolicy = STS) -> Session:
    peer = Peer(mx_host=f"mx{number}.b.example", receiving_ip="192.0.2.1")
    found = count_failure("b.example", day, policy, TlsFailure.EXPIRED, peer)
    assert found is not None
    return found


async def counted(store: Store, day: date = DAY) -> Counter[Session]:
    async with store.read() as conn:
        return await tls_counts.of_day(conn, "b.example", day)


async def test_sums_grow(store: Store, home: Home) -> None:
    """One row for each kind, however often it is written; it survives a start."""
    assert await tls_counts.add(store, Counter({GOOD: 2, failed(): 1})) == Counter()
    assert (
        await tls_counts.add(store, Counter({GOOD: 3, failed(2): 1, failed(day=DAY + timedelta(days=1)): 7}))
        == Counter()
    )
    await store.close()
    again = await home.open()
    assert await counted(again) == {GOOD: 5, failed(): 1, failed(2): 1}
    assert home.sql("SELECT count(*) FROM tls_session") == [("4",)]
    async with again.read() as conn:
        assert sum((await tls_counts.since(conn, DAY)).values()) == 14
        assert sum((await tls_counts.since(conn, DAY + timedelta(days=1))).values()) == 7
        assert await tls_counts.since(conn, DAY, "a.example") == Counter()
    await again.close()


async def test_rows_of_a_domain_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain with a host name for each session fills no disk: first the hosts are left out, then the rest."""
    monkeypatch.setattr(tls_counts, "DETAILED_ROWS", 3)
    monkeypatch.setattr(tls_counts, "ROWS", 4)
    assert await tls_counts.add(store, Counter({failed(number): 1 for number in range(10)})) == Counter()
    kept = await counted(store)
    (bare,) = (session for session in kept if session.failure is not None and session.failure.peer == Peer())
    assert (len(kept), kept[bare]) == (4, 7)
    other = replace(failed(), policy=replace(STS, strings=("mode: testing",)))
    left = await tls_counts.add(store, Counter({other: 5, failed(0): 1, failed(77): 1}))
    assert sum(left.values()) == 5
    assert sum((await counted(store)).values()) == 12


async def test_domains_of_a_day_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_counts, "DOMAINS", 2)
    sums = Counter({replace(GOOD, domain=f"{name}.example"): 1 for name in "abc"})
    assert sum((await tls_counts.add(store, sums)).values()) == 1


async def test_a_huge_policy_is_named_without_its_text(store: Store) -> None:
    """64 KiB of policy (RFC 8461 3.2) for each row would be too much."""
    huge = replace(STS, strings=("x" * 30_000,))
    await tls_counts.add(store, Counter({replace(GOOD, policy=huge): 1}))
    await tls_counts.add(store, Counter({replace(GOOD, policy=huge): 1}))
    assert await counted(store) == {replace(GOOD, policy=replace(STS, strings=(), mx_hosts=())): 2}


async def test_what_could_not_be_written_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails in the middle: what is in is not counted again by the next try."""
    monkeypatch.setattr(tls_counts, "SLICE", 2)
    sums = Counter({failed(number): 1 for number in range(3)})
    write = store.transact

    async def once(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(store, "transact", broken)
        return await write(*args, **more)

    async def broken(*args: Any, **more: Any) -> Any:
        raise StoreSick("no")

    monkeypatch.setattr(store, "transact", once)
    with pytest.raises(StoreSick):
        await tls_counts.add(store, sums)
    assert len(sums) == 1
    monkeypatch.setattr(store, "transact", write)
    await tls_counts.add(store, sums)
    assert (sum((await counted(store)).values()), sums) == (3, Counter())


async def test_what_is_old_is_forgotten(store: Store) -> None:
    next_day = DAY + timedelta(days=1)
    await tls_counts.add(store, Counter({failed(): 1, failed(policy=NO_POLICY): 1, failed(day=next_day): 1}))
    await tls_reports.save(store, state(Fate.SENT))
    assert await tls_counts.forget(store, before=next_day) == 2
    async with store.read() as conn:
        assert await tls_counts.since(conn, DAY) == {failed(day=next_day): 1}
        assert await tls_reports.since(conn, DAY) == []
        assert len((await conn.execute(sa.select(tls_policy.c.id))).all()) == 1


def state(fate: Fate, **changes: object) -> ReportState:
    made = ReportState(day=DAY, domain="b.example", fate=fate, tries=1, taken=0, next_at=NOW, left=("https://b/",))
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_a_report_is_tried_until_its_end(store: Store) -> None:
    await tls_counts.add(store, Counter({GOOD: 1, failed(): 1, failed(day=DAY + timedelta(days=1)): 1}))

    async def due() -> list[tuple[date, str, ReportState | None]]:
        async with store.read() as conn:
            return list(await tls_reports.unreported(conn, DAY, DAY, now=NOW))

    assert await due() == [(DAY, "b.example", None)]
    later = state(Fate.WAITS, next_at=NOW + timedelta(minutes=1), left=None)
    await tls_reports.save(store, later)
    assert await due() == []
    await tls_reports.save(store, state(Fate.WAITS))
    assert await due() == [(DAY, "b.example", state(Fate.WAITS))]
    for end in (Fate.SENT, Fate.UNWANTED, Fate.DROPPED):
        await tls_reports.save(store, state(end, taken=1))
        assert await due() == []
    async with store.read() as conn:
        assert await tls_reports.since(conn, DAY, "b.example") == [state(Fate.DROPPED, taken=1)]
        assert await tls_reports.since(conn, DAY, "a.example") == []
