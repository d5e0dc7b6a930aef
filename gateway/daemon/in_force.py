"""The policy in force: a good reload puts another one in its place, between two messages and everywhere at once.

How this works: whatever decides is made of settings and does not change; a reload makes it anew, and only when all of
it is made, and the audit log has it, is the new one put in the place of the old one, in one step of the loop. Who is
under way keeps what he began with, so each message is decided on by one policy, and its record names that one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from gateway.audit import events
from gateway.config import Settings
from gateway.config.changes import changed, taken_up
from gateway.delivery.recheck import Review
from gateway.log import get_logger
from gateway.message.entry import QueueEntry
from gateway.message.envelope import Envelope
from gateway.message.event import Event
from gateway.message.verdict import Accepted, Verdict
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.recheck import Recheck
from gateway.pipeline.submit import Pipeline
from gateway.store.errors import StoreError

T = TypeVar("T")
Prepare = Callable[[Settings], Callable[[], None]]  # makes what new settings need; what it returns puts that in place

log = get_logger("daemon")


class Current(Generic[T]):
    """What is made of the settings in force."""

    def __init__(self, make: Callable[[Settings], T], settings: Settings) -> None:
        self._make = make
        self.value = make(settings)

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """See `Prepare`."""
        value = self._make(settings)

        def use() -> None:
            self.value = value

        return use


class CurrentPipeline(Current[Pipeline]):
    """Takes messages from the intake, each by the policy that is in force when it is complete."""

    async def submit(self, envelope: Envelope, data: bytes) -> Accepted | Verdict:
        """See `Pipeline`."""
        return await self.value.submit(envelope, data)

    def may_accept(self) -> Verdict | None:
        """See `Pipeline`."""
        return self.value.may_accept()


class CurrentRecheck(Current[Recheck]):
    """Decides on waiting mail again, by the policy that is in force when it is tried."""

    async def __call__(self, entries: Sequence[QueueEntry], *, now: datetime) -> Review:
        """See `Recheck`."""
        return await self.value(entries, now=now)


class InForce:
    """One for the gateway. users: of the policy. commit: stores an event, or raises StoreError."""

    def __init__(self, settings: Settings, users: Sequence[Prepare], commit: Callable[[Event], Awaitable[None]]):
        self.settings = settings
        self._users = users
        self._commit = commit

    async def take_up(self, read: Settings) -> tuple[str, ...]:
        """Put the policy part of a good file in force. Returns: what else of the file differs from what runs.

        A store that cannot take the event keeps the old policy: no decision is made by one that nobody knows of.
        """
        new = taken_up(self.settings, read)
        if keys := changed(self.settings, new):
            await self._replace(new, keys)
        return changed(self.settings, read)

    async def _replace(self, new: Settings, keys: Sequence[str]) -> None:
        try:
            before, after, ready = await asyncio.to_thread(self._prepared, new)  # hundreds of rules take a while
        except Exception:  # a bug that one policy meets: what runs must not fall with it
            log.exception("policy cannot be taken up, the old one stays")
            return
        event = events.policy_changed(at=datetime.now(UTC), before=before, after=after, keys=keys)
        try:
            await self._commit(event)
        except StoreError as error:
            log.error("policy not taken up, the old one stays: reload again", why=type(error).__name__)
            return
        for use in ready:
            use()
        self.settings = new
        log.info("policy taken up", before=before, after=after, changed=" ".join(keys))

    def _prepared(self, new: Settings) -> tuple[str, str, list[Callable[[], None]]]:
        """Both versions, and what puts the new one in place."""
        ready = [prepare(new) for prepare in self._users]
        return FactFinder(self.settings).version.id, FactFinder(new).version.id, ready
