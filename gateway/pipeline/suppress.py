"""Which mail the suppression list stops, and for which of its recipients.

Clinical mail is never stopped: an address that bounced once may be the right one again, and its bounce tells the sender
at once (invariant 3). So the list is asked only for mail that is meant for many: its sender says so, or it has the
marks of bulk mail, says nothing else, and holds no health information.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.store import suppressions
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression

STOPPED: Final = frozenset({"marketing", "fundraising"})  # values of X-Mailward-Purpose
BULK: Final = "bulk"
REPLIES: Final = {  # RFC 3463 section 3.2 and 3.8
    Reason.BOUNCE: "550 5.1.1 On the suppression list: this address has bounced",
    Reason.COMMAND: "550 5.7.1 On the suppression list: this address gets no such mail",
}


def stopped_purpose(*, said: str, is_bulk: bool, is_protected: bool) -> str:
    """What a message is as far as the list is concerned, `marketing`, `fundraising` or `bulk`; empty: never stopped.

    said: its believed purpose, empty when there is none; any other word than these two means that it is not stopped.
    is_bulk: Precedence or list fields in its header. is_protected: for any of its recipients.
    """
    if said:
        return said if said in STOPPED else ""
    return BULK if is_bulk and not is_protected else ""


async def find_suppressed(store: Store, recipients: Sequence[str], *, purpose: str) -> Mapping[str, Suppression]:
    """Those recipients, in lower case, that mail of a purpose does not go to. Raises: StoreSick."""
    if not purpose:
        return {}
    async with store.read() as conn:
        return await suppressions.among(conn, [address.lower() for address in recipients])
