"""What a client is told when the store cannot take a message."""

from collections.abc import Mapping
from typing import Final

from gateway.message.verdict import Verdict
from gateway.store.errors import StoreClosed, StoreFull, StoreSick

STORE_VERDICTS: Final[Mapping[type[Exception], Verdict]] = {
    StoreFull: Verdict.STORE_FULL,
    StoreSick: Verdict.STORE_SICK,
    StoreClosed: Verdict.SHUTTING_DOWN,
}
