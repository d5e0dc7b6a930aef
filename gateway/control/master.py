"""Rotation of the master key over the control socket: the gateway does it, since it alone writes."""

from datetime import UTC, datetime
from typing import Final

from gateway.audit import admin
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.store import rotation
from gateway.store.errors import KeyUnusable

BY: Final = "command line"


async def rotate(office: Office) -> str:
    """Seal everything with a new key. Returns: where the old one waits for the next start. Raises: Refused."""
    event = admin.master_key_rotated(at=datetime.now(UTC), old=office.store.vault.newest_id, by=BY)
    try:
        return await rotation.rotate(office.store, events=[event])
    except KeyUnusable as why:
        raise Refused(str(why)) from None
