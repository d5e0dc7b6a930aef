"""The suppression list for operators: addresses that bulk mail does not go to."""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.control.wire import Refused
from gateway.message.address import AddressError, parse_address
from gateway.store import suppressions
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression

BY: Final = "command line"


async def listing(store: Store) -> list[dict[str, Any]]:
    """The whole list, by address."""
    async with store.read() as conn:
        found = await suppressions.everything(conn)
    return [
        {
            "address": one.address,
            "reason": one.reason.value,
            "status": one.status,
            "queue_id": one.queue_id,
            "why": one.why,
            "since": one.created_at.isoformat(),
        }
        for one in found
    ]


async def add(store: Store, *, address: str, why: str) -> None:
    """Raises: Refused for what is no address, and when it is on the list."""
    now, name = datetime.now(UTC), _name(address)
    event = admin.suppression_added(at=now, address=name, reason=Reason.COMMAND.value, by=BY, why=why)
    new = Suppression(address=name, reason=Reason.COMMAND, created_at=now, why=why)
    if not await suppressions.add(store, new, events=(event,)):
        raise Refused(f"{name} is on the list already")


async def remove(store: Store, *, address: str, why: str) -> None:
    """Raises: Refused when it is not on the list."""
    name = address.lower()
    event = admin.suppression_removed(at=datetime.now(UTC), address=name, by=BY, why=why)
    if not await suppressions.remove(store, name, events=(event,)):
        raise Refused(f"{name} is not on the list")


def _name(address: str) -> str:
    try:
        return parse_address(address).lower()
    except AddressError as error:
        raise Refused(f"{address}: {error}") from None
