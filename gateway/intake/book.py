"""The book of logins that the store's registers make, the record of wrong ones, and when programs last used theirs."""

import time
from datetime import UTC, datetime

from gateway.audit import admin
from gateway.brake import Brake
from gateway.intake.guard import Scope
from gateway.message.account import Account
from gateway.store import credentials
from gateway.store.accounts import Accounts
from gateway.store.statements import Unit
from gateway.store.store import Store


class AccountBook:
    """A `gateway.intake.auth.Book` and a `gateway.intake.guard.Record` on an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounts = Accounts(store)
        self._strangers = Brake(every_s=60, burst=100)  # locks of networks in the audit log
        self._used: dict[str, datetime] = {}  # programs since the last `write_uses`

    async def by_login(self, login: str) -> Account | None:
        """Who may sign in as this, or None. login: lower case."""
        return (await self._accounts.current()).by_login.get(login)

    async def by_secret(self, secret_hash: str) -> Account | None:
        """The program whose secret has this hash."""
        return (await self._accounts.current()).by_secret.get(secret_hash)

    async def note_failure(self, login: str, ip: str, why: str) -> None:
        """A failed login of somebody known enters the audit log (45 CFR 164.308(a)(5)(ii)(C), log-in monitoring)."""
        if await self.by_login(login) is not None:
            event = admin.auth_failed(at=datetime.now(UTC), login=login, client_ip=ip, why=why)
            await self._store.commit(Unit(events=(event,)))

    async def note_lock(self, scope: Scope, login: str, ip: str) -> None:
        """A lock enters the audit log; the login is named if there is such a one. Strangers cannot fill the log: it
        takes a good many failures to be locked, and the rest is in the log of the service."""
        known = await self.by_login(login) is not None
        if scope is not Scope.NETWORK and not known:
            return
        if self._strangers.wait_s(b"", time.monotonic()) and not known:
            return
        event = admin.auth_locked(at=datetime.now(UTC), scope=scope, login=login if known else "", client_ip=ip)
        await self._store.commit(Unit(events=(event,)))

    def note_use(self, account: Account) -> None:
        """A program sends. Kept in memory: one message more is no reason to write."""
        if account.is_program:
            self._used[account.login] = datetime.now(UTC)

    async def write_uses(self) -> None:
        """Write down what `note_use` was told, at most once a minute. Raises: StoreError; then it is kept."""
        used = dict(self._used)
        if used:
            await credentials.note_use(self._store, used)
        self._used = {login: at for login, at in self._used.items() if used.get(login) != at}
