"""Runs the changes of a batch of units: one executemany for each statement, in the order of `Op`."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from gateway.store.errors import MissingRow
from gateway.store.prepared import Row, prepare
from gateway.store.statements import EXACT, STATEMENTS, Op, Unit


def run_changes(connection: sqlite3.Connection, units: Iterable[Unit]) -> None:
    """Raises: MissingRow when a change that must find its row does not; sqlite3.Error."""
    by_op: defaultdict[Op, list[Row]] = defaultdict(list)
    for unit in units:
        for change in unit.changes:
            by_op[change.op].append(change.row)
    for op in sorted(by_op, key=lambda op: op.value):
        _run(connection, op, by_op[op])


def _run(connection: sqlite3.Connection, op: Op, rows: list[Row]) -> None:
    keys = tuple(rows[0])  # rows of one op have the same keys
    for statement in STATEMENTS[op]:
        changed = prepare(statement, keys).run(connection, rows)
        if op in EXACT and statement is STATEMENTS[op][0] and changed != len(rows):
            raise MissingRow(f"{op.name}: {len(rows) - changed} of {len(rows)} rows are not there")
