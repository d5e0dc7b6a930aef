"""Recipients who get nothing of a message that was taken: a rule refuses them, or the suppression list stops it.

Their entries end in the transaction that accepts the message, and so does the notice to its sender: no crash leaves a
recipient whom nobody answers for. What a rule refuses is told in general words; its name is in the record alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import events
from gateway.delivery.letter import letter_of
from gateway.delivery.ownmail import OwnMail
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.envelope import Notify, Recipient
from gateway.message.event import Event
from gateway.message.verdict import REPLIES as SAID
from gateway.message.verdict import Verdict
from gateway.pipeline.judged import Judged
from gateway.pipeline.suppress import REPLIES
from gateway.store.rows import NewMessage
from policy.decision import Action, Decision

REFUSED: Final = str(SAID[Verdict.REJECTED_BY_POLICY])  # what a message hears that is refused for everybody


def is_refused_whole(judged: Judged) -> bool:
    """Whether the client is refused: a rule does so for all recipients, or for some and there is no sender to tell
    (RFC 5321 section 4.5.5), so that only the reply can."""
    refused = [decision.action is Action.REJECT for decision in judged.decisions]
    return any(refused) and (all(refused) or not judged.envelope.sender)


@dataclass(frozen=True, slots=True)
class Stop:
    """How a copy ends before it was ever tried. reply: why, as the notice says it."""

    state: EntryState
    reply: str


def stop_of(judged: Judged, recipient: Recipient, decision: Decision) -> Stop | None:
    """None: nothing stops this recipient's copy. What a rule refuses never got out, so it is no bounce."""
    if decision.action is Action.REJECT:
        return Stop(EntryState.REJECTED, REFUSED)
    listed = judged.suppressed.get(recipient.address.lower())
    return Stop(EntryState.BOUNCED, REPLIES[listed.reason]) if listed else None


def stop_notice(
    own_mail: OwnMail, new: NewMessage, stopped: Sequence[QueueEntry]
) -> tuple[list[QueueEntry], list[NewMessage]]:
    """One notice about those of them whose sender wants it (RFC 3461 section 4.1), and whom it is about."""
    told = [entry for entry in stopped if new.sender and Notify.FAILURE in entry.notify]
    if not told:
        return [], []
    return told, [own_mail.failure(letter_of(new), [(entry, "", "") for entry in told], now=new.received_at)]


def stop_events(
    judged: Judged, stopped: Sequence[QueueEntry], told: Sequence[QueueEntry], notices: Sequence[NewMessage], *,
    now: datetime,
) -> list[Event]:  # fmt: skip
    """What ended for whom and why, and the notice about it."""
    by_recipient = {decision.recipient: decision for decision in judged.decisions}
    found = []
    for entry in stopped:
        decision = by_recipient[entry.recipient]
        if decision.action is Action.REJECT:
            found.append(events.message_refused(judged.envelope, decision, queue_id=judged.queue_id))
        else:
            reason = judged.suppressed[entry.recipient.lower()].reason.value
            found.append(events.message_suppressed(entry, at=now, purpose=judged.purpose, reason=reason))
    for notice in notices:
        found += [
            events.dsn_created(entry, at=now, dsn_id=notice.id, action="failed", to=entry.sender) for entry in told
        ]
    return found
