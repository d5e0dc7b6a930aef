"""Times as the tables have them: microseconds since 1970 in UTC, same order and same bytes on every engine."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def moment(since_1970: int) -> datetime:
    return EPOCH + since_1970 * MICROSECOND
