"""Who a client is: passwords checked against the book of logins, off the loop and in equal time for unknown users.

A password that is a program's secret is known by its hash alone; that takes no time that depends on the user name. Any
other is checked as a person's, by argon2id, whether or not there is such a person.

Argon2id costs time and memory on purpose: a few threads do it, and a bounded number of clients wait for them. A success
is remembered for a minute under a key that only this process has, and dies with the stored hash it was checked against.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from gateway.intake.passwords import hash_password, hash_secret, matches
from gateway.message.account import NAME, Account
from gateway.message.address import AddressError, parse_address

THREADS: Final = 2
WAITING: Final = 64  # clients that may wait for a thread: about two seconds of work
REMEMBER_S: Final = 60.0
REMEMBERED: Final = 4096


class AuthBusyError(Exception):
    """Passwords are not checked now, too many wait or were wrong: answer 454, the client tries again."""


class Book(Protocol):
    """Where the logins are: `gateway.intake.book.AccountBook`."""

    async def by_login(self, login: str) -> Account | None:
        """Who may sign in as this, None for unknown, disabled and revoked ones. login: lower case."""
        ...

    async def by_secret(self, secret_hash: str) -> Account | None:
        """The program whose secret has this hash, see `hash_secret`."""
        ...


class Authenticator:
    """Checks passwords. clock: steady seconds."""

    def __init__(self, book: Book, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._waiting = 0
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()  # proof of a success: when it is forgotten
        self._decoy = hash_password(secrets.token_urlsafe())  # what unknown users are checked against

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def verify(self, user: str, password: str) -> Account | None:
        """Whose password this is, if it is this user's; the name in any case. Raises: AuthBusyError."""
        program = await self._book.by_secret(hash_secret(password))
        if program is not None:
            return program if program.answers_to(user) else None
        person = await self._look_up(user)
        if person is None:
            await self._compute(self._decoy, password)
            return None
        proof = self._proof(person.key, password)
        if self._remembered.get(proof, 0.0) > self._clock():
            return person
        if not await self._compute(person.key, password):
            return None
        self._remember(proof)
        return person

    async def _look_up(self, user: str) -> Account | None:
        name = login_name(user)
        account = await self._book.by_login(name) if name else None
        return None if account is None or account.is_program else account

    async def _compute(self, stored: str, password: str) -> bool:
        if self._waiting >= WAITING:
            raise AuthBusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, matches, stored, password)
        finally:
            self._waiting -= 1

    def _proof(self, stored: str, password: str) -> bytes:
        """Names user (by the salt in the hash), password and hash at once, and tells none of them."""
        return hmac.digest(self._secret, stored.encode() + b"\0" + password.encode(), hashlib.sha256)

    def _remember(self, proof: bytes) -> None:
        self._remembered[proof] = self._clock() + REMEMBER_S
        self._remembered.move_to_end(proof)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


def login_name(user: str) -> str | None:
    """The login that a user name stands for, lower case: an address or the name of a credential; None for neither."""
    if NAME.fullmatch(user.lower()):
        return user.lower()
    try:
        return parse_address(user).lower()
    except AddressError:
        return None
