"""Runs the changes of a batch of units: one executemany for each statement, in the order of `Op`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.errors import MissingRow
from gateway.store.statements import EXACT, STATEMENTS, Op, Unit

ROWS_AT_ONCE: Final = 256  # an executemany of this many rows keeps the loop busy for less than 5 ms


async def run_changes(conn: AsyncConnection, units: Iterable[Unit]) -> None:
    """Raises: MissingRow when a change that must find its row does not; SQLAlchemy's errors."""
    by_op: defaultdict[Op, list[Mapping[str, Any]]] = defaultdict(list)
    for unit in units:
        for change in unit.changes:
            by_op[change.op].append(change.row)
    for op in Op:
        rows = by_op.get(op, [])
        for start in range(0, len(rows), ROWS_AT_ONCE):
            await _run(conn, op, rows[start : start + ROWS_AT_ONCE])


async def _run(conn: AsyncConnection, op: Op, rows: list[Mapping[str, Any]]) -> None:
    for statement in STATEMENTS[op]:
        result = await conn.execute(statement, rows)
        if op in EXACT and statement is STATEMENTS[op][0] and result.rowcount != len(rows):
            raise MissingRow(f"{op.name}: {len(rows) - result.rowcount} of {len(rows)} rows are not there")
