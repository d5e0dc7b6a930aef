"""How often each kind of TLS session was seen: what TLS reports (RFC 8460) and `mailward report tls` are made from.

Sums are written every minute, not with each delivery: a day's successes at one domain are one row, which many
deliveries would fight for. A crash loses the sums of the last minute; they are statistics, the evidence of each
delivery is in the audit log. Rows are bounded for each day and domain: first by leaving out which host failed, then by
not counting, which the caller is told.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.store import Store
from gateway.store.tables import tls_policy, tls_report
from gateway.store.tables import tls_session as table
from tls.tlsrpt.count import Failure, Peer, Session
from tls.tlsrpt.results import AppliedPolicy

SLICE: Final = 100  # rows of one transaction: the writer belongs to deliveries
DETAILED_ROWS: Final = 500  # of a day and domain; beyond, failures are counted without their host
ROWS: Final = 600  # of a day and domain; beyond, what is new is not counted
DOMAINS: Final = 20_000  # of a day
POLICY_LETTERS: Final = 20_000  # of a policy's text; a longer one is named without it
READ_LIMIT: Final = 50_000  # rows of one answer


async def add(store: Store, sums: Counter[Session]) -> Counter[Session]:
    """Add to what is there, and take out of `sums` what was dealt with. Returns: what there was no room for.

    Raises: StoreError; then `sums` is what has to be tried again.
    """
    left: Counter[Session] = Counter()
    while some := dict(islice(sums.items(), SLICE)):
        left += await _add_slice(store, some)
        for session in some:
            del sums[session]
    return left


async def _add_slice(store: Store, sums: Mapping[Session, int]) -> Counter[Session]:
    async def work(conn: AsyncConnection) -> Counter[Session]:
        new = await _raise_known(conn, sums)
        bare = Counter[Session]()
        left = Counter[Session]()
        for session, number in new.items():
            if await _has_room(conn, session, DETAILED_ROWS):
                await _insert(conn, session, number)
            else:
                bare[_without_peer(session)] += number
        for session, number in (await _raise_known(conn, bare)).items():
            if await _has_room(conn, session, ROWS):
                await _insert(conn, session, number)
            else:
                left[session] += number
        return left

    return await store.transact(work)


async def of_day(conn: AsyncConnection, domain: str, day: date) -> Counter[Session]:
    """Everything counted for the report of a day and domain."""
    return await _read(conn, table.c.day == day.isoformat(), table.c.domain == domain)


async def since(conn: AsyncConnection, first: date, domain: str = "") -> Counter[Session]:
    """Everything counted from a day on; at most READ_LIMIT rows, the newest days first."""
    return await _read(conn, table.c.day >= first.isoformat(), *([table.c.domain == domain] if domain else []))


async def forget(store: Store, *, before: date) -> int:
    """Delete what is older than a day. Returns: rows of counts that went."""

    async def work(conn: AsyncConnection) -> int:
        gone = await conn.execute(sa.delete(table).where(table.c.day < before.isoformat()))
        await conn.execute(sa.delete(tls_report).where(tls_report.c.day < before.isoformat()))
        await conn.execute(sa.delete(tls_policy).where(~sa.exists().where(table.c.policy_id == tls_policy.c.id)))
        return gone.rowcount

    return await store.transact(work)


async def _raise_known(conn: AsyncConnection, sums: Mapping[Session, int]) -> dict[Session, int]:
    """Raise the rows that are there. Returns: those that are not."""
    if not sums:
        return {}
    ids = {_session_id(session): session for session in sums}
    found = set((await conn.execute(sa.select(table.c.id).where(table.c.id.in_(list(ids))))).scalars())
    raised = [{"b_id": row_id, "b_more": sums[ids[row_id]]} for row_id in found]
    if raised:
        more = sa.bindparam("b_more", type_=sa.BigInteger)
        await conn.execute(
            sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(sessions=table.c.sessions + more), raised
        )
    return {session: sums[session] for row_id, session in ids.items() if row_id not in found}


async def _has_room(conn: AsyncConnection, session: Session, most: int) -> bool:
    day = table.c.day == session.day.isoformat()
    one = sa.select(sa.func.count()).select_from(table).where(day, table.c.domain == session.domain)
    rows = (await conn.execute(one)).scalar_one()
    if rows:
        return rows < most
    domains = sa.select(sa.func.count(sa.distinct(table.c.domain))).where(day)
    return (await conn.execute(domains)).scalar_one() < DOMAINS


async def _insert(conn: AsyncConnection, session: Session, number: int) -> None:
    body = _policy_body(session.policy)
    policy_id = hashlib.sha256(body).digest()
    if (await conn.execute(sa.select(tls_policy.c.id).where(tls_policy.c.id == policy_id))).first() is None:
        await conn.execute(sa.insert(tls_policy), {"id": policy_id, "body": body.decode()})
    row = {
        "id": _session_id(session),
        "day": session.day.isoformat(),
        "domain": session.domain,
        "policy_id": policy_id,
        "failure": _failure_body(session.failure).decode(),
        "sessions": number,
    }
    await conn.execute(sa.insert(table), row)


async def _read(conn: AsyncConnection, *where: sa.ColumnElement[bool]) -> Counter[Session]:
    statement = (
        sa.select(table.c.day, table.c.domain, table.c.failure, table.c.sessions, tls_policy.c.body)
        .join_from(table, tls_policy, tls_policy.c.id == table.c.policy_id)
        .where(*where)
        .order_by(table.c.day.desc(), table.c.id)
        .limit(READ_LIMIT)
    )
    rows: Sequence[Any] = (await conn.execute(statement)).all()
    return Counter(
        {
            Session(
                domain=row.domain,
                day=date.fromisoformat(row.day),
                policy=msgspec.json.decode(row.body, type=AppliedPolicy),
                failure=msgspec.json.decode(row.failure, type=Failure | None),
            ): row.sessions
            for row in rows
        }
    )


def _session_id(session: Session) -> bytes:
    """Equal sessions have equal ids: a row for each."""
    policy = hashlib.sha256(_policy_body(session.policy)).digest()
    head = f"{session.day.isoformat()} {session.domain} ".encode()
    return hashlib.sha256(head + policy + _failure_body(session.failure)).digest()


def _policy_body(policy: AppliedPolicy) -> bytes:
    body = msgspec.json.encode(policy, order="sorted")
    if len(body) <= POLICY_LETTERS:
        return body
    return msgspec.json.encode(replace(policy, strings=(), mx_hosts=()), order="sorted")


def _failure_body(failure: Failure | None) -> bytes:
    return msgspec.json.encode(failure, order="sorted")


def _without_peer(session: Session) -> Session:
    failure = session.failure
    return session if failure is None else replace(session, failure=replace(failure, peer=Peer()))
