"""What all tables have in common: how times are kept and names are made."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from gateway.store.times import micros, moment


class UtcMicros(sa.types.TypeDecorator[datetime]):
    """An aware datetime as a 64-bit integer: same order, same bytes on every engine."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


metadata: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
