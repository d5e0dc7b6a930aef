"""Who is next within one destination: senders take turns, so that who floods it delays only itself (RX-10)."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue for each sender, and the order of their turns. Urgent ones are before all, the last that came first."""

    def __init__(self) -> None:
        self._urgent: deque[T] = deque()
        self._queues: dict[str, deque[T]] = {}  # in the order of the turns
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        yield from self._urgent
        for queue in self._queues.values():
            yield from queue

    def put(self, sender: str, item: T, *, is_urgent: bool = False) -> None:
        self._length += 1
        if is_urgent:
            self._urgent.appendleft(item)
        else:
            self._queues.setdefault(sender, deque()).append(item)

    def first(self) -> T:
        """Raises: LookupError when it is empty."""
        if self._urgent:
            return self._urgent[0]
        for queue in self._queues.values():
            return queue[0]
        raise LookupError("nobody waits")

    def take(self) -> T:
        """The first, whose sender goes behind the others. Raises: LookupError when it is empty."""
        item = self.first()
        self._length -= 1
        if self._urgent:
            return self._urgent.popleft()
        sender = next(iter(self._queues))
        queue = self._queues.pop(sender)
        queue.popleft()
        if queue:
            self._queues[sender] = queue
        return item

    def change(self, change: Callable[[T], T | None]) -> None:
        """Replace each by what comes back, or take it out where nothing does; places stay."""
        self._urgent = deque(_kept(self._urgent, change))
        queues = {sender: deque(_kept(queue, change)) for sender, queue in self._queues.items()}
        self._queues = {sender: queue for sender, queue in queues.items() if queue}
        self._length = len(self._urgent) + sum(map(len, self._queues.values()))


def _kept(items: deque[T], change: Callable[[T], T | None]) -> Iterator[T]:
    for item in items:
        changed = change(item)
        if changed is not None:
            yield changed
