"""What one worked batch comes to: rows, events, mail of our own and entries that go on, for one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gateway.log import get_logger
from gateway.message.entry import QueueEntry
from gateway.message.event import Event
from gateway.store.errors import StoreFull, StoreSick
from gateway.store.rows import NewMessage, Sealed, new_message
from gateway.store.statements import Change, Unit
from gateway.store.store import Store

log = get_logger("delivery")


@dataclass(slots=True)
class Record:
    """Filled by the steps of a batch, then committed once; nothing of it is true before.

    afterwards: what is to be done then, such as counting.
    """

    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    own: list[NewMessage] = field(default_factory=list)
    following: list[QueueEntry] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)

    def add(self, *, changes: Iterable[Change] = (), events: Iterable[Event] = ()) -> None:
        self.changes.extend(changes)
        self.events.extend(events)

    async def commit(self, store: Store) -> None:
        """Make it durable. Waits out a sick store: what happened in the world cannot be taken back."""
        sealed = [await _seal(store, message) for message in self.own]
        rows = [change for message in sealed for change in new_message(message)]
        await store.settle(Unit(changes=(*rows, *self.changes), events=tuple(self.events)))
        for message in self.own:
            log.info(
                "written",
                queue_id=message.id,
                sender=message.sender,
                size=len(message.body),
                nrcpt=len(message.entries),
                kind=message.kind.value,
                about=message.about_id,
            )
        for act in self.afterwards:
            act()


async def _seal(store: Store, message: NewMessage) -> Sealed:
    while True:
        try:
            return await store.seal_message(message)
        except (StoreFull, StoreSick):
            await store.wait_healthy()
