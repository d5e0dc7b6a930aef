"""The brake of every login: counts what it sends, and holds its mail when that passes a limit (issue 3, line 6).

Behind a relay listener nobody signs in: there each sender address (MAIL FROM) is what a login is elsewhere, so that
one stolen mailbox of a cloud is held and the others are not.

Counts live in memory and are rebuilt from the store when a login sends for the first time after a start; a brake that
is on is in the store, and stays on until a person takes it off.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from gateway.audit import admin
from gateway.config.model import Brake
from gateway.log import get_logger
from gateway.message.account import Account, Allowance
from gateway.message.envelope import Envelope
from gateway.metrics import Metrics
from gateway.store import brakes
from gateway.store.accounts import Accounts
from gateway.store.brakes import Standing, Standings
from gateway.store.store import Store
from policy.brake import HOUR_S, Limits, Reason, Window

HOUR: Final = timedelta(seconds=HOUR_S)
WINDOWS: Final = 1024  # more than this, and those that are empty by now are dropped

log = get_logger("pipeline")


@dataclass(frozen=True, slots=True)
class Braked:
    """The message is to be held. is_new: it is the one that put the brake on."""

    reason: Reason
    is_new: bool


@dataclass(slots=True)
class _Counting:
    """since: when the brake was last taken off; another time means that counting begins anew."""

    window: Window
    since: datetime | None


class Brakes:
    """One for the gateway. settings: `[brake]`."""

    def __init__(self, store: Store, settings: Brake, metrics: Metrics) -> None:
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._accounts = Accounts(store)
        self._standings = Standings(store)
        self._counting: dict[str, _Counting] = {}
        self._loading = asyncio.Lock()

    async def weigh(self, envelope: Envelope, *, is_protected: bool) -> Braked | None:
        """Count a message that is about to be accepted.

        Raises: StoreError; the client is told to try again.
        """
        login, at = braked_as(envelope), envelope.received_at
        recipients = [recipient.address for recipient in envelope.recipients]
        if not login:
            return None
        standing = (await self._standings.current()).get(login)
        if standing is not None and standing.holds:
            return Braked(standing.reason, is_new=False)
        limits = await self._limits(envelope.client.login)
        window = await self._window(login, standing, at)
        window.count(recipients, is_protected=is_protected, at=at.timestamp())
        if strangers := window.to_look_up(limits):
            async with self._store.read() as conn:
                known = await brakes.known(conn, login, strangers, before=at - HOUR)
            window.looked_up(strangers, known)
        reason = window.passed(limits)
        return None if reason is None else await self._engage(login, reason, at)

    def uncount(self, envelope: Envelope, *, is_protected: bool) -> None:
        """The message was not accepted after all."""
        if counting := self._counting.get(braked_as(envelope)):
            counting.window.uncount(is_protected=is_protected, at=envelope.received_at.timestamp())

    async def _engage(self, login: str, reason: Reason, at: datetime) -> Braked:
        standing = Standing(login=login, reason=reason, engaged_at=at)
        event = admin.brake_engaged(at=at, login=login, reason=reason.value)
        is_new = await brakes.engage(self._store, standing, events=(event,))
        self._counting.pop(login, None)
        if is_new:
            log.error("brake_engaged", login=login, reason=reason.value)
            self._metrics.counter("brake", reason.value).inc()
        return Braked(reason, is_new=is_new)

    async def _limits(self, login: str) -> Limits:
        if not login:
            return limits_of_relayed(self._settings)
        account = (await self._accounts.current()).by_login.get(login)
        return limits_of(account, self._settings)

    async def _window(self, login: str, standing: Standing | None, now: datetime) -> Window:
        since = standing.released_at if standing is not None else None
        async with self._loading:
            counting = self._counting.get(login)
            if counting is None or counting.since != since:
                window = await self._load(login, max(now - HOUR, since) if since else now - HOUR)
                counting = self._counting[login] = _Counting(window, since)
                self._tidy(now)
        return counting.window

    async def _load(self, login: str, since: datetime) -> Window:
        window = Window()
        async with self._store.read() as conn:
            sent = await brakes.sent(conn, login, since=since)
        for _, group in groupby(sent, key=lambda one: one.received_at):  # the forms of one message came at once
            entries = list(group)
            window.count(
                [one.recipient for one in entries],
                is_protected=any(one.protected for one in entries),
                at=entries[0].received_at.timestamp(),
            )
        return window

    def _tidy(self, now: datetime) -> None:
        if len(self._counting) <= WINDOWS:
            return
        for counting in self._counting.values():
            counting.window.forget_before((now - HOUR).timestamp())
        self._counting = {login: one for login, one in self._counting.items() if not one.window.is_empty}


def braked_as(envelope: Envelope) -> str:
    """Whose mail a brake counts and holds: a login, or the sender behind a relay; empty for a relayed bounce."""
    return envelope.client.login or envelope.sender.lower()


def limits_of_relayed(settings: Brake) -> Limits:
    """What one sender behind a relay may send; who is a person there and who a program, nobody says."""
    return Limits(
        messages=settings.relay_messages_per_hour,
        recipients=settings.relay_recipients_per_hour,
        phi=settings.relay_phi_per_hour,
    )


def limits_of(account: Account | None, settings: Brake) -> Limits:
    """What a login may send: a credential's own limits where it has them; novelty is asked of people only."""
    own = Allowance() if account is None else account.allowance
    if account is not None and account.is_program:
        return Limits(
            messages=own.messages or settings.program_messages_per_hour,
            recipients=own.recipients or settings.program_recipients_per_hour,
            phi=own.phi or settings.program_phi_per_hour,
        )
    return Limits(
        messages=own.messages or settings.messages_per_hour,
        recipients=own.recipients or settings.recipients_per_hour,
        phi=own.phi or settings.phi_per_hour,
        novelty_percent=settings.novelty_percent,
        novelty_floor=settings.novelty_floor,
    )
