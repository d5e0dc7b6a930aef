"""The alarm of a changed configuration that has problems: what runs stays, and somebody has to know before a restart.

Raised by a reload that refuses the file, ended by the next one that takes it: a line in the log for each problem, an
event, a gauge and a warning on /readyz, which stays 200, for mail is accepted all the same. The event names keys and
never values. A store that cannot take it now gets it at the next reload. What of a good file waits for a restart is a
warning there too, so that nobody believes it is active.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from gateway.audit import events
from gateway.config.problems import Problem
from gateway.log import get_logger
from gateway.message.event import Event
from gateway.metrics import Metrics
from gateway.store.errors import StoreError

WARNING: Final = "the configuration file has problems: what runs is the one before, and a restart would fail"
WAITING: Final = "changed in the configuration file and not in force before a restart"

log = get_logger("daemon")


class ConfigAlarm:
    """commit: stores an event, or raises StoreError."""

    def __init__(self, metrics: Metrics, commit: Callable[[Event], Awaitable[None]]) -> None:
        self._gauge = metrics.gauge("config_refused")
        self._commit = commit
        self._keys: tuple[str, ...] | None = None  # of what was refused last; None: the file is right
        self._waiting: tuple[str, ...] = ()  # keys that a restart takes up
        self._told: tuple[str, ...] | None = None  # what the audit log has
        self._gauge.set(0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """In words, while it is on."""
        found = () if self._keys is None else (WARNING,)
        return (*found, f"{WAITING}: {', '.join(self._waiting)}") if self._waiting else found

    def waiting(self, keys: tuple[str, ...]) -> None:
        """Of the good file, these differ from what runs."""
        if keys:
            log.warning(WAITING, keys=" ".join(keys))
        self._waiting = keys

    async def refused(self, problems: Sequence[Problem]) -> None:
        """A reload found these."""
        for problem in problems:
            log.error("configuration has a problem, the running one stays", problem=str(problem))
        self._keys = tuple(dict.fromkeys(problem.key or "file" for problem in problems))
        self._gauge.set(1)
        await self._tell()

    async def taken(self) -> None:
        """A reload found none."""
        if self._keys is not None:
            log.info("configuration has no problem any more")
        self._keys = None
        self._gauge.set(0)
        await self._tell()

    async def _tell(self) -> None:
        """Have the audit log know, once each time it changes."""
        if self._told == self._keys:
            return
        now, keys = datetime.now(UTC), self._keys
        event = events.config_accepted(at=now) if keys is None else events.config_refused(at=now, keys=keys)
        try:
            await self._commit(event)
        except StoreError as error:
            log.error("alarm not in the audit log yet", why=type(error).__name__)
            return
        self._told = keys
