"""Statements of the hot path: compiled once by SQLAlchemy for an engine's driver, then only filled in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
