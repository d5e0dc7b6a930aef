"""Keys that look after themselves: what ends soon is counted, and asked for again where it came from.

A key that a domain gave is asked for from 30 days before its end, once a day. The same key with a later end is taken,
unless a person pinned it; another one waits for a person (CR-03). It is asked for by the address as it was written when
the key was found: DNS hashes the local part with its case (RFC 7929 section 3).
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.config import Settings
from gateway.config.discovery import KeySource
from gateway.control.expiry import SOON, Kind, ending
from gateway.delivery.discovery import KeyFinder
from gateway.metrics import Metrics
from gateway.store import certificates
from gateway.store.certificates import COUNTED, Source, Trust
from gateway.store.store import Store

COUNT_EVERY: Final = timedelta(hours=1)
RENEW_EVERY: Final = timedelta(days=1)
SOURCES: Final = {Source.WKD: KeySource.WKD, Source.DNS: KeySource.DNS}


class KeyCare:
    """One for the gateway."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        finder: KeyFinder,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._settings = settings
        self._finder = finder
        self._metrics = metrics
        self._clock = clock

    async def count(self) -> None:
        """Set the gauges. Raises: StoreError."""
        kinds = Counter(one.kind for one in await ending(self._store, self._settings, before=self._clock() + SOON))
        for kind in Kind:
            self._metrics.gauge("keys_ending", kind.value).set(kinds[kind])
        async with self._store.read() as conn:
            waiting = sum(one.trust is Trust.PENDING for one in await certificates.everything(conn))
        self._metrics.gauge("keys_pending").set(waiting)

    async def renew(self) -> None:
        """Ask for what ends soon, where it came from and `discovery.openpgp` still allows it. Raises: StoreError."""
        soon = self._clock() + SOON
        async with self._store.read() as conn:
            known = await certificates.everything(conn)
        for one in known:
            source = SOURCES.get(one.source)
            ends_soon = one.trust in COUNTED and one.expires_at is not None and one.expires_at < soon
            if ends_soon and source is not None and source in self._settings.discovery.openpgp:
                await self._finder.renew(one.spelled or one.address, source)
