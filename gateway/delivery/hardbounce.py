"""Which rejections say that an address does not exist: what feeds the suppression list."""

from typing import Final

from gateway.delivery.outcome import Outcome, Seen
from gateway.message import dsn

# RFC 3463 sections 3.2 and 3.3, RFC 7505 section 4.2: bad mailbox, system or syntax, moved, no mail there, disabled.
# Others may be about this message, or pass: full mailboxes, policy, spam filters, a bare 550.
HARD: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})


def hard_status(outcome: Outcome) -> str:
    """The status with which a server, not we, said so; empty when it did not."""
    if outcome.seen is not Seen.REJECTED or not outcome.host:
        return ""
    status = dsn.status_of(outcome.reply, default="")
    return status if status in HARD else ""
