"""The log line of every delivery: the fields of Postfix's, in any format of the log, and what we know beside them.

Of a server's reply it has the codes only, whoever the message is for: its words may quote the message (invariant 4).
"""

from datetime import datetime
from typing import Final

from gateway.delivery.ladder import Move, Step
from gateway.delivery.outcome import Outcome
from gateway.delivery.replies import codes_of
from gateway.log import get_logger
from gateway.maillog import seconds
from gateway.message import dsn
from gateway.message.entry import QueueEntry
from policy.decision import Method

EVENT: Final = {  # what happened, in our words
    Move.DONE: "sent",
    Move.WAIT: "deferred",
    Move.CLIMB: "climbed",
    Move.BOUNCE: "bounced",
    Move.EXPIRE: "expired",
}
STATUS: Final = {  # in Postfix's, with the status code when the reply has none of that class (RFC 3463 section 2)
    Move.DONE: ("sent", "2.0.0"),
    Move.WAIT: ("deferred", "4.0.0"),
    Move.CLIMB: ("deferred", "4.0.0"),  # it goes on by another method
    Move.BOUNCE: ("bounced", "5.0.0"),
    Move.EXPIRE: ("bounced", "5.0.0"),
}

log = get_logger("delivery")


def log_attempt(before: QueueEntry, outcome: Outcome, step: Step, *, received_at: datetime, at: datetime) -> None:
    """Write what one attempt came to for one recipient.

    before: the entry when the attempt began. received_at: when the message came. at: when the attempt was over.
    """
    status, default = STATUS[step.move]
    level = log.warning if step.alarm else log.info
    level(
        EVENT[step.move],
        queue_id=before.queue_id,
        to=before.recipient,
        relay=_relay(before, outcome),
        delay=seconds((at - received_at).total_seconds()),
        delays=_delays(before, outcome, received_at),
        dsn=_of_class(dsn.status_of(outcome.reply, default=default), default),
        status=status,
        seen=outcome.seen.value,
        reply=codes_of(outcome.reply) or "none",
        method=before.method.value,
        attempts=step.entry.attempts,
        alarm=step.alarm.value if step.alarm else None,
    )


def _relay(before: QueueEntry, outcome: Outcome) -> str:
    if outcome.host:
        return f"{outcome.host}[{outcome.ip}]:{outcome.port}"
    return "portal" if before.method is Method.PORTAL else "none"


def _delays(before: QueueEntry, outcome: Outcome, received_at: datetime) -> str:
    """Postfix's a/b/c/d: until it was queued, in the queue, look-up and connection and TLS, transmission."""
    parts = (
        (before.queued_at - received_at).total_seconds(),
        (outcome.started_at - before.queued_at).total_seconds(),
        outcome.connect_s,
        outcome.send_s,
    )
    return "/".join(map(seconds, parts))


def _of_class(status: str, default: str) -> str:
    """RFC 3464 section 2.3.4: the class says what became of it, whatever the last reply was about."""
    return status if status[0] == default[0] else default
