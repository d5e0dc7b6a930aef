"""The hot path on PostgreSQL: statements as asyncpg takes them, all rows of one in a pipeline.

Executing through SQLAlchemy costs twice what asyncpg itself takes. asyncpg's `executemany` does not say how many rows
it changed, so what has to find its rows says so itself (`RETURNING 1`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import Delete, Insert, Update

from gateway.message.event import Event
from gateway.store.batch import steps_of
from gateway.store.compiling import Row, Slot, compile_for, read_by
from gateway.store.errors import DamagedStore
from gateway.store.merkle import Frontier
from gateway.store.postgres.connect import AUDIT_LOCK, LOCK_CLASS, Connection
from gateway.store.sequencer import GROW_TREE, INSERT_EVENTS, TREE_ID, Head, leaves, tree_row
from gateway.store.statements import STATEMENTS, Op, Statement, Unit
from gateway.store.tables import domain_tls, message
from gateway.store.times import moment

POSTGRES: Final = sa.make_url("postgresql+asyncpg://").get_dialect()()

_new_tls: Final = insert(domain_tls).values(
    domain=sa.bindparam("b_domain"), seen_at=sa.bindparam("b_seen_at"), verified=sa.bindparam("b_verified")
)

# What has to differ because other processes write at the same time: two that see the same new domain, and two that
# end the last two recipients of one message: each would see the other's recipient unfinished and leave the content.
CHANGES: Final[Mapping[Op, tuple[Statement, ...]]] = {
    **STATEMENTS,
    Op.SAW_TLS: (
        _new_tls.on_conflict_do_update(
            index_elements=[domain_tls.c.domain],
            set_={
                "seen_at": _new_tls.excluded.seen_at,
                "verified": sa.or_(domain_tls.c.verified, _new_tls.excluded.verified),
            },
        ),
    ),
    Op.DESTROY_FINISHED: (
        sa.select(message.c.id)
        .where(message.c.id == sa.bindparam("b_id", type_=sa.String))
        .with_for_update(key_share=True),
        *STATEMENTS[Op.DESTROY_FINISHED],
    ),
}

_LOCK: Final = f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {AUDIT_LOCK})"
_HEAD: Final = """
    SELECT size, frontier, (SELECT at FROM audit_event ORDER BY seq DESC LIMIT 1) AS last_at
    FROM audit_tree WHERE id = $1
"""


async def run_changes(connection: Connection, units: Iterable[Unit]) -> None:
    """Run a batch in the transaction that is open. Raises: MissingRow; the driver's errors, which may show values."""
    for step in steps_of(units, CHANGES):
        step.check(await _run(connection, step.statement, step.rows, is_counted=step.is_exact))


async def transaction_id(connection: Connection) -> str:
    """How `was_committed` will know the transaction that is open."""
    name: str = await connection.fetchval("SELECT pg_current_xact_id()::text")
    return name


async def lock_log(connection: Connection) -> None:
    """Be the only one that appends to the audit log, until the transaction ends (AU-13)."""
    await connection.execute(_LOCK)


async def append(connection: Connection, events: Sequence[Event]) -> None:
    """Insert the events as the next leaves and store the grown tree, in the transaction that is open.

    The lock comes after all rows are locked that the transaction needs, so that who holds it waits for nobody; the head
    is read after it, by a statement of its own, which sees what the last holder committed.
    """
    if not events:
        return
    await lock_log(connection)
    row = await connection.fetchrow(_HEAD, TREE_ID)
    if row is None:
        raise DamagedStore("audit log: its tree is gone; restore a backup")
    last_at = None if row["last_at"] is None else moment(row["last_at"])
    rows, grown = leaves(events, Head(Frontier.from_bytes(row["size"], row["frontier"]), last_at))
    await _run(connection, INSERT_EVENTS, rows)
    await _run(connection, GROW_TREE, [tree_row(grown)])


async def fetch(connection: Connection, statement: sa.Select[Any], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """As `Database.fetch`."""
    sql, slots = _prepare(statement, tuple(rows[0]), is_counted=False)
    found = await connection.fetchmany(sql, [[slot.value(row) for slot in slots] for row in rows])
    return _reader(statement)(found)


async def _run(connection: Connection, statement: Statement, rows: Sequence[Row], *, is_counted: bool = False) -> int:
    """Execute for every row. Returns: rows changed in all, when they are counted."""
    sql, slots = _prepare(statement, tuple(rows[0]), is_counted=is_counted)
    values = [[slot.value(row) for slot in slots] for row in rows]
    if is_counted:
        return len(await connection.fetchmany(sql, values))
    await connection.executemany(sql, values)
    return 0


@lru_cache(maxsize=256)
def _prepare(statement: Statement, keys: tuple[str, ...], *, is_counted: bool) -> tuple[str, tuple[Slot, ...]]:
    counted: Any = statement
    if is_counted and isinstance(statement, Insert | Update | Delete):
        counted = statement.returning(sa.literal_column("1"))
    return compile_for(POSTGRES, counted, keys)


@lru_cache(maxsize=256)
def _reader(statement: sa.Select[Any]) -> Callable[[Iterable[Sequence[Any]]], list[tuple[Any, ...]]]:
    return read_by(POSTGRES, statement)
