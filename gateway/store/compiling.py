"""Statements of the hot path: compiled once by SQLAlchemy for an engine's driver, then only filled in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from gateway.store.statements import Statement

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a statement. constant: what it holds when the row has no such key. convert: Python to driver."""

    name: str
    constant: Any
    convert: Callable[[Any], Any] | None

    def value(self, row: Row) -> Any:
        value = row.get(self.name, self.constant)
        return value if self.convert is None else self.convert(value)


def compile_for(dialect: Dialect, statement: Statement, keys: tuple[str, ...]) -> tuple[str, tuple[Slot, ...]]:
    """The text of a statement for rows with these keys, and what belongs into its places, in their order."""
    compiled = statement.compile(dialect=dialect, column_keys=list(keys))
    slots = (
        Slot(
            name=name,
            constant=compiled.params[name],
            convert=compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect),
        )
        for name in compiled.positiontup or ()
    )
    return str(compiled), tuple(slots)


def read_by(dialect: Dialect, statement: sa.Select[Any]) -> Callable[[Iterable[Sequence[Any]]], list[tuple[Any, ...]]]:
    """How rows of a SELECT, as the driver gives them, become values."""
    found = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns)
    converts = {place: convert for place, convert in enumerate(found) if convert is not None}

    def read(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
        return [
            tuple(converts[place](value) if place in converts else value for place, value in enumerate(row))
            for row in rows
        ]

    return read
