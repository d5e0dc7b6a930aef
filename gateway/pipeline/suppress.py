"""Which mail the suppression list stops, and for which of its recipients.

Clinical mail is never stopped: an address that bounced once may be the right one again, and its bounce tells the sender
at once (invariant 3). So the list is asked only for mail that is meant for many: its sender says so, or it has the
marks of bulk mail, says nothing else, and holds no health information.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway.store import consents, suppressions
from gateway.store.faults import reading_registers
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression
from policy.consent import Kind
from policy.facts import Facts
from policy.purpose import PurposeSource

STOPPED: Final = frozenset({"marketing", "fundraising"})  # values of X-Mailward-Purpose
BULK: Final = "bulk"
REPLIES: Final = {  # RFC 3463 section 3.2 and 3.8
    Reason.BOUNCE: "550 5.1.1 On the suppression list: this address has bounced",
    Reason.COMMAND: "550 5.7.1 On the suppression list: this address gets no such mail",
    Reason.OPT_OUT: "550 5.7.1 Opted out: this address wants no such mail",
}


def stopped_purpose(*, said: str, is_bulk: bool, is_protected: bool) -> str:
    """What a message is as far as the list is concerned, `marketing`, `fundraising` or `bulk`; empty: never stopped.

    said: its believed purpose, empty when there is none; any other word than these two means that it is not stopped.
    is_bulk: Precedence or list fields in its header. is_protected: for any of its recipients.
    """
    if said:
        return said if said in STOPPED else ""
    return BULK if is_bulk and not is_protected else ""


def purpose_again(facts: Facts, *, is_protected: bool) -> str:
    """The same of a message that is decided on again; words alone say nothing here."""
    sent = facts.sent
    said = "" if sent.purpose_source is PurposeSource.CONTENT else sent.purpose.lower()
    return stopped_purpose(said=said, is_bulk=facts.report.bulk, is_protected=is_protected)


async def find_suppressed(store: Store, recipients: Sequence[str], *, purpose: str) -> Mapping[str, Suppression]:
    """Those recipients, in lower case, that mail of a purpose does not go to: they are on the list, or opted out of it.

    Raises: StoreSick.
    """
    if not purpose:
        return {}
    names = [address.lower() for address in recipients]
    now = datetime.now(UTC)
    with reading_registers():
        async with store.read() as conn:
            listed = await suppressions.among(conn, names)
            said = await consents.of_patients(conn, names)
    opted_out = {
        one.patient: Suppression(address=one.patient, reason=Reason.OPT_OUT, created_at=one.given_at)
        for one in said
        if one.kind is Kind.OPT_OUT and one.in_force(now) and one.is_for(purpose)
    }
    return {**opted_out, **listed}
