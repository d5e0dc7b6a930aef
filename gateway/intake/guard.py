"""Slows down who guesses passwords, and keeps record of wrong ones (SA-06).

Only failures count, by the peer's network and by account, so that neither many tries from one place nor one from each
of many places get far. The answer to a wrong password comes later with each, until a lock: then no password is looked
at for a while. An account is held up by nobody else where it has logged in before: not by a neighbour's device with an
old password, nor by what the rest of the world tries on it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from gateway.brake import Brake, network_of
from gateway.intake.auth import AuthBusyError, login_name
from gateway.log import get_logger
from gateway.message.account import Account
from gateway.store.errors import StoreError

FRIENDS: Final = 4096  # account and network of successes remembered; the longest unused is forgotten first
FREE: Final = 3  # failures that are answered at once: people mistype
FIRST_DELAY_S: Final = 0.25  # then doubled by each
LONGEST_DELAY_S: Final = 4.0  # shorter than the time in which sessions end when the service stops

log: Final = get_logger("intake")


class Scope(StrEnum):
    """What is locked: everything from one network, one account from everywhere, one account in one network."""

    NETWORK = "network"
    ACCOUNT = "account"
    ACCOUNT_HERE = "account-here"


class Record(Protocol):
    """Where failures are written down: `gateway.intake.book.AccountBook`."""

    async def note_failure(self, login: str, ip: str, why: str) -> None:
        """A failed login; of no interest when there is no such login."""

    async def note_lock(self, scope: Scope, login: str, ip: str) -> None:
        """The last failure before a lock."""


class Passwords(Protocol):
    """`gateway.intake.auth.Authenticator`."""

    async def verify(self, user: str, password: str) -> Account | None:
        """Whose password this is, if it is this user's. Raises: AuthBusyError."""
        ...


class Guard:
    """A `gateway.intake.door.Verifier`. locked: told of each lock; clock: steady seconds; pause: waits for seconds."""

    def __init__(
        self,
        passwords: Passwords,
        record: Record,
        *,
        locked: Callable[[Scope], None],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._passwords = passwords
        self._record = record
        self._locked = locked
        self._clock = clock
        self._pause = pause
        self._by_place = Brake(every_s=20, burst=30)  # of a network, or of an account where it has logged in before
        self._by_account = Brake(every_s=10, burst=100)  # from everywhere together: 8,740 guesses a day
        self._told = Brake(every_s=3600, burst=1)  # locks of one key that are worth a word
        self._friends: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._notes: set[asyncio.Task[None]] = set()

    async def verify(self, user: str, password: str, *, ip: str) -> Account | None:
        """Whose password this is, if it is this user's and may be used from there and now.

        Raises: AuthBusyError, whatever the password is, after too many failures.
        """
        account, network = login_name(user) or "", network_of(ip)
        if self._is_held_up(account, network):
            raise AuthBusyError
        found = await self._passwords.verify(user, password)
        why = "password" if found is None else found.refusal(ip, datetime.now(UTC))
        if why:
            await self._pause(self._count_failure(account, network, ip, why))
            return None
        self._befriend(account, network)
        return found

    def _place(self, account: str, network: bytes) -> bytes:
        """The key that tries are counted under: the network's, or an account's own in it."""
        return network + account.encode() if (account, network) in self._friends else network

    def _is_held_up(self, account: str, network: bytes) -> bool:
        now, place = self._clock(), self._place(account, network)
        is_stranger = place == network
        return self._by_place.is_spent(place, now) or (is_stranger and self._by_account.is_spent(account.encode(), now))

    def _befriend(self, account: str, network: bytes) -> None:
        self._friends[account, network] = None
        self._friends.move_to_end((account, network))
        if len(self._friends) > FRIENDS:
            self._friends.popitem(last=False)

    def _count_failure(self, account: str, network: bytes, ip: str, why: str) -> float:
        """Count it, and have it written down. Returns: seconds until it is answered, the same for unknown accounts."""
        now, place = self._clock(), self._place(account, network)
        self._by_place.wait_s(place, now)
        self._by_account.wait_s(account.encode(), now)
        if account:  # in a task: the answer takes as long as for an account that does not exist
            self._write(self._record.note_failure(account, ip, why))
        if self._by_place.is_spent(place, now):
            self._lock(Scope.NETWORK if place == network else Scope.ACCOUNT_HERE, place, account, ip)
        if self._by_account.is_spent(account.encode(), now):
            self._lock(Scope.ACCOUNT, account.encode(), account, ip)
        failures = max(self._by_place.spent(place, now), self._by_account.spent(account.encode(), now))
        return delay_s(round(failures))

    def _lock(self, scope: Scope, key: bytes, account: str, ip: str) -> None:
        """Tell of a lock, once an hour: each failure that a lock lets through begins it anew."""
        if self._told.wait_s(scope.encode() + b":" + key, self._clock()):
            return
        log.warning("login_locked", scope=scope.value, ip=ip)
        self._locked(scope)
        self._write(self._record.note_lock(scope, account, ip))

    def _write(self, note: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._note(note))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note(self, note: Coroutine[Any, Any, None]) -> None:
        try:
            await note
        except StoreError as error:
            log.error("failed login not recorded", why=type(error).__name__)


def delay_s(failures: int) -> float:
    """How long the answer to the last of so many failures waits."""
    if failures <= FREE:
        return 0.0
    return float(min(FIRST_DELAY_S * 2 ** (min(failures, 2 * FREE + 4) - FREE), LONGEST_DELAY_S))
