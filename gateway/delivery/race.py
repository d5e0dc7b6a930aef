"""Several addresses of one host, tried so that a dead one does not hold the mail up (RFC 8305, "happy eyeballs")."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HEAD_START_S: Final = 0.25  # RFC 8305 section 5, Connection Attempt Delay


def interleave(addresses: Sequence[str]) -> tuple[str, ...]:
    """The families take turns, beginning with that of the first address (RFC 8305 section 4)."""
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    first, second = (six, four) if addresses and ":" in addresses[0] else (four, six)
    return tuple(address for address in chain.from_iterable(zip_longest(first, second)) if address is not None)


async def race(addresses: Sequence[str], connect: Callable[[str], Awaitable[T]], *, discard: Callable[[T], None]) -> T:
    """The first connection that comes about; attempts that are not needed any more are cancelled.

    An address starts when one before it has failed, or when the last one has had its head start.
    addresses: in their order, at least one. connect: with a time limit of its own. discard: ends a connection that came
    second.
    Raises: the OSError of the address that failed last.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    attempts = _Attempts(connect)
    try:
        await attempts.run(addresses)
    except BaseException:  # cancelled: nobody else knows of these connections
        for one in attempts.made:
            discard(one)
        raise
    for late in attempts.made[1:]:
        discard(late)
    if not attempts.made:
        raise attempts.failures[-1]
    return attempts.made[0]


class _Attempts(Generic[T]):
    """made: connections in the order in which they came about. failures: as they came."""

    def __init__(self, connect: Callable[[str], Awaitable[T]]) -> None:
        self.made: list[T] = []
        self.failures: list[OSError] = []
        self._connect = connect
        self._news = asyncio.Event()

    async def run(self, addresses: Sequence[str]) -> None:
        """Until one has connected or all have failed."""
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            for address in addresses:
                self._news.clear()
                tasks.append(group.create_task(self._try(address)))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEAD_START_S):
                        await self._news.wait()
                if self.made:
                    break
            while not self.made and len(self.failures) < len(tasks):
                self._news.clear()
                await self._news.wait()
            for task in tasks:
                task.cancel()

    async def _try(self, address: str) -> None:
        try:
            self.made.append(await self._connect(address))
        except OSError as error:
            self.failures.append(error)
        self._news.set()
