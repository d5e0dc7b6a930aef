"""One recipient of one message in the queue: the value that delivery works on and the store keeps."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.message.envelope import DEFAULT_NOTIFY, Notify
from policy.decision import Method


class MessageKind(StrEnum):
    """Why a message is in the queue; all but MAIL are made by Mailward itself without content of anybody's mail."""

    MAIL = "mail"
    NOTICE = "notice"  # to the recipient: a message waits in the portal
    CODE = "code"  # to the recipient: the one-time code for the portal
    SENDER_NOTICE = "sender-notice"  # to the sender, or whom a rule names: what was done, perhaps with a PIN
    DSN = "dsn"  # to the sender: failure or delay, RFC 3464
    TLS_REPORT = "tls-report"  # to a domain that asks for it: the TLS that we saw at its hosts, RFC 8460


class EntryState(StrEnum):
    """Where a recipient's copy stands. The last five are endings: the entry is never worked on again."""

    QUEUED = "queued"
    HELD = "held"
    PORTAL = "portal"  # published and noticed; waits to be picked up or to expire
    DELIVERED = "delivered"
    PICKED_UP = "picked-up"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_ending(self) -> bool:
        return self in ENDINGS


ENDINGS = frozenset(
    {EntryState.DELIVERED, EntryState.PICKED_UP, EntryState.BOUNCED, EntryState.REJECTED, EntryState.EXPIRED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One recipient's copy.

    id: `<queue id>-<n>`, n from 1 in the order of the envelope.
    methods: the ladder that policy allowed; rung: index of the one in use.
    rung_since: when the present rung was first tried (its deadline counts from there), None before.
    attempts: tries so far in all; last_reply: one line of the last failure, ours or the peer's, without content.
    requiretls: RFC 8689 was asked for. urgent: shorter `urgent_tls_deadline`.
    delay_notified: the sender already has a delay notice.
    tls_refused: TLS could not be had at an earlier rung, not even by its deadline (decides PIN or code in the portal).
    sensitive: it is of a legal class: unsigned DNS vouches for no host of it, and its notice has a neutral sender.
    archive: a rule copies the message to this address; the sender is never told of it.
    possible_duplicate: a connection broke after the final dot; only the same rung may be tried again.
    """

    id: str
    queue_id: str
    kind: MessageKind
    sender: str
    recipient: str
    state: EntryState
    protected: bool
    methods: tuple[Method, ...]
    queued_at: datetime
    next_attempt_at: datetime
    expires_at: datetime
    rung: int = 0
    rung_since: datetime | None = None
    attempts: int = 0
    last_reply: str = ""
    notify: frozenset[Notify] = DEFAULT_NOTIFY
    orcpt: str = ""
    requiretls: bool = False
    urgent: bool = False
    delay_notified: bool = False
    tls_refused: bool = False
    possible_duplicate: bool = False
    sensitive: bool = False
    archive: bool = False

    @property
    def method(self) -> Method:
        return self.methods[self.rung]
