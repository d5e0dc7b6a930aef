"""An audit event as a value: what happened to which message, when, with which evidence.

`gateway.audit.events` and `gateway.audit.admin` have one constructor for each kind; the store turns an event into a
leaf of the Merkle log in the transaction that changes the state it tells about. `data` holds ids, addresses, counts,
TLS facts and remote replies; never a subject, a body, a file name or a matched value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

EventValue = str | int | float | bool | None
EventData = Mapping[str, EventValue | list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """kind: dotted lower-case words such as `delivery.delivered`; queue_id and recipient may be empty."""

    kind: str
    at: datetime
    queue_id: str = ""
    recipient: str = ""
    data: EventData = field(default_factory=dict)
