"""The changes of a batch of units as steps: one statement for all rows of one op, in the order of `Op`."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.store.errors import MissingRow
from gateway.store.prepared import prepare
from gateway.store.statements import EXACT, STATEMENTS, Op, Statement, Unit

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement for several rows, which have the same keys. is_exact: each row of it has to find its row."""

    op: Op
    statement: Statement
    rows: Sequence[Row] = field(repr=False)
    is_exact: bool

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.rows[0])

    def check(self, changed: int) -> None:
        """Raises: MissingRow when a row that must be there is not."""
        if self.is_exact and changed != len(self.rows):
            raise MissingRow(f"{self.op.name}: {len(self.rows) - changed} of {len(self.rows)} rows are not there")


def steps_of(units: Iterable[Unit], statements: Mapping[Op, tuple[Statement, ...]] = STATEMENTS) -> Iterator[Step]:
    """Yield what has to be run, in order."""
    by_op: defaultdict[Op, list[Row]] = defaultdict(list)
    for unit in units:
        for change in unit.changes:
            by_op[change.op].append(change.row)
    for op in sorted(by_op, key=lambda op: op.value):
        for number, statement in enumerate(statements[op]):
            yield Step(op, statement, by_op[op], is_exact=op in EXACT and number == 0)


def run_changes(connection: sqlite3.Connection, units: Iterable[Unit]) -> None:
    """Run a batch on SQLite. Raises: MissingRow when a change that must find its row does not; sqlite3.Error."""
    for step in steps_of(units):
        step.check(prepare(step.statement, step.keys).run(connection, step.rows))
