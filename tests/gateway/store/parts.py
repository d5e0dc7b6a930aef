"""Values that the tests of store and audit build on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.event import Event
from gateway.message.queue_id import new_queue_id
from gateway.store.rows import NewMessage, new_message
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.store.vault import Vault
from policy.decision import Method

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BODY = b"Subject: hello\r\n\r\nTest result\r\n"


async def open_store(data_dir: Path, vault: Vault, **options: Any) -> Store:
    options = {"node": "node-1", "free_space_floor": 0, **options}
    return await Store.open(url="sqlite", data_dir=data_dir, vault=vault, **options)


def make_entry(queue_id: str, number: int = 1, **changes: Any) -> QueueEntry:
    values: dict[str, Any] = {
        "id": f"{queue_id}-{number}",
        "queue_id": queue_id,
        "kind": MessageKind.MAIL,
        "sender": "nurse@clinic.example",
        "recipient": f"patient{number}@mail.example",
        "state": EntryState.QUEUED,
        "protected": True,
        "methods": (Method.TLS, Method.PORTAL),
        "queued_at": NOW,
        "next_attempt_at": NOW,
        "expires_at": NOW + timedelta(days=5),
    }
    return QueueEntry(**(values | changes))


def make_message(*entries: QueueEntry, body: bytes = BODY, **changes: Any) -> NewMessage:
    """A message with these entries; without any, with one."""
    queue_id = entries[0].queue_id if entries else new_queue_id()
    values: dict[str, Any] = {
        "id": queue_id,
        "kind": MessageKind.MAIL,
        "sender": "nurse@clinic.example",
        "login": "nurse@clinic.example",
        "received_at": NOW,
        "body": body,
        "report": b'{"phi":true}',
        "entries": entries or (make_entry(queue_id),),
    }
    return NewMessage(**(values | changes))


def make_event(kind: str = "message.accepted", queue_id: str = "", **data: Any) -> Event:
    return Event(kind=kind, at=NOW, queue_id=queue_id, data=data)


def files_of(data_dir: Path) -> list[Path]:
    """What the store keeps on disk."""
    return [path for path in data_dir.iterdir() if path.is_file()]


async def accept(store: Store, message: NewMessage) -> None:
    """Seal and commit a message with its event."""
    sealed = await store.seal_message(message)
    await store.commit(Unit(changes=new_message(sealed), events=(make_event(queue_id=message.id),)))
