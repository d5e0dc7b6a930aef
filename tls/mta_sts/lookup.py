"""The policy that applies to a domain now: TXT record, cache and policy host brought together.

How a policy is fetched, and what never is, `tls.web` says; 64 KiB at most. The certificate has to name
`mta-sts.<domain>` (RFC 8461 section 3.3).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns
from tls.errors import FetchError, StsSyntaxError
from tls.mta_sts.cache import PolicyCache
from tls.mta_sts.parse import SIZE_LIMIT, StsPolicy, parse_policy, parse_record
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Announced, Failed, Plan, Sts, known, plan, settle
from tls.web import WebReader

PATH: Final = "/.well-known/mta-sts.txt"
FAILED_LIMIT: Final = 10_000  # domains whose failed fetch is remembered


class Fetcher(Protocol):
    """Gets the policy of a domain."""

    async def fetch(self, domain: str) -> StsPolicy:
        """Raises: FetchError."""


class HttpsFetcher:
    """The real one."""

    def __init__(self, web: WebReader) -> None:
        self._web = web

    async def fetch(self, domain: str) -> StsPolicy:
        """Get and read the policy of a domain (A-label). Raises: FetchError, also for a policy that is none."""
        host = f"mta-sts.{domain}"
        body = await self._web.get(host, PATH, limit=SIZE_LIMIT, kind="text/plain")  # RFC 8461 section 3.3
        try:
            return parse_policy(body)
        except StsSyntaxError as error:
            raise FetchError(f"the policy of {host} is not valid: {error}", Trouble.INVALID) from error


class StsPolicies:
    """Asks at every attempt for the record, so that no message fails before a newer policy was looked for (5.1)."""

    def __init__(
        self, resolver: SecureDns, fetcher: Fetcher, cache: PolicyCache, *, clock: Callable[[], datetime]
    ) -> None:
        """clock: the wall clock, aware."""
        self._resolver = resolver
        self._fetcher = fetcher
        self._cache = cache
        self._clock = clock
        self._failed: dict[str, Failed] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def policy(self, domain: str) -> Sts:
        """What MTA-STS says of a domain (A-label, lower case, no trailing dot) now. Raises only what the cache does."""
        seen = await self._announced(domain)
        lock = self._locks.setdefault(domain, asyncio.Lock())  # many messages of one domain fetch once
        try:
            async with lock:
                return await self._apply(domain, seen)
        finally:
            if not lock.locked():
                self._locks.pop(domain, None)

    async def _announced(self, domain: str) -> Announced:
        found = await self._resolver.txt(f"_mta-sts.{domain}")  # RFC 8461 section 3.1; aliases are followed
        if found.state is State.FAILED:
            return Announced(trouble=Trouble.RECORD)
        try:
            return Announced(id=parse_record(found.records))
        except StsSyntaxError:
            return Announced()  # RFC 8461 section 3.1: as if there were none

    async def _apply(self, domain: str, seen: Announced) -> Sts:
        now, cached, last = self._clock(), await self._cache.get(domain), self._failed.get(domain)
        if plan(cached, seen, last, now=now) is Plan.USE:
            return known(cached, seen, last, now=now)
        id_ = seen.id or (cached.id if cached is not None else "")
        try:
            fetched = await self._fetcher.fetch(domain)
        except FetchError as error:
            failed = Failed(id=id_, at=now, trouble=error.trouble)
            self._remember(domain, failed)
            return known(cached, seen, failed, now=now)
        self._failed.pop(domain, None)
        entry, sts = settle(domain, id_, fetched, now=self._clock())
        await self._cache.put(entry)
        return sts

    def _remember(self, domain: str, failed: Failed) -> None:
        self._failed.pop(domain, None)
        if len(self._failed) >= FAILED_LIMIT:
            del self._failed[next(iter(self._failed))]
        self._failed[domain] = failed
