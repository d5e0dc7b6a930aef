"""Slows down who guesses passwords, and keeps record of wrong ones (SA-06).

Only failures count, by the peer's network and by account, so that neither many tries from one place nor one from each
of many places get far. An account is held up by nobody else where it has logged in before: not by a neighbour's device
with an old password, nor by what the rest of the world tries on it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from gateway.brake import Brake, network_of
from gateway.intake.auth import AuthBusyError, login_name
from gateway.log import get_logger
from gateway.message.account import Account
from gateway.store.errors import StoreError

FRIENDS: Final = 4096  # account and network of successes remembered; the longest unused is forgotten first

log: Final = get_logger("intake")


class Passwords(Protocol):
    """`gateway.intake.auth.Authenticator`."""

    async def verify(self, user: str, password: str) -> Account | None:
        """Whose password this is, if it is this user's. Raises: AuthBusyError."""
        ...


class Guard:
    """A `gateway.intake.door.Verifier`. note_failure: login, address and why; clock: steady seconds."""

    def __init__(
        self,
        passwords: Passwords,
        *,
        note_failure: Callable[[str, str, str], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._passwords = passwords
        self._note_failure = note_failure
        self._clock = clock
        self._by_place = Brake(every_s=20, burst=30)  # of a network, or of an account where it has logged in before
        self._by_account = Brake(every_s=10, burst=100)  # from everywhere together: 8,740 guesses a day
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
            self._count_failure(account, network, ip, why)
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

    def _count_failure(self, account: str, network: bytes, ip: str, why: str) -> None:
        now = self._clock()
        self._by_place.wait_s(self._place(account, network), now)
        self._by_account.wait_s(account.encode(), now)
        if account:  # in a task: the answer takes as long as for an account that does not exist
            task = asyncio.create_task(self._note(account, ip, why))
            self._notes.add(task)
            task.add_done_callback(self._notes.discard)

    async def _note(self, account: str, ip: str, why: str) -> None:
        try:
            await self._note_failure(account, ip, why)
        except StoreError as error:
            log.error("failed login not recorded", ip=ip, why=type(error).__name__)
