"""How every event is made, and how one writes a time."""

from datetime import datetime

from gateway.message.event import Event, EventValue


def make(kind: str, at: datetime, queue_id: str = "", recipient: str = "", **data: EventValue | list[str]) -> Event:
    """An event. queue_id, recipient: what it is about, empty for the gateway or a person. data: facts of this kind."""
    return Event(kind=kind, at=at, queue_id=queue_id, recipient=recipient, data=data)


def moment(at: datetime) -> str:
    """A time among the facts, RFC 3339 to the second."""
    return at.isoformat(timespec="seconds")
