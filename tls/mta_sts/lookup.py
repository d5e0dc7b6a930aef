"""The policy that applies to a domain now: TXT record, cache and policy host brought together.

A policy is fetched without redirect, proxy or HTTP cache, at most 64 KiB, from the addresses that our own resolver
gives, in networks that mail may go to: a domain must not make us knock at hosts inside. The certificate has to name
`mta-sts.<domain>` whatever the address is (RFC 8461 section 3.3).
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import httpx2

from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns
from tls.errors import FetchError, StsSyntaxError
from tls.mta_sts.cache import PolicyCache
from tls.mta_sts.parse import SIZE_LIMIT, StsPolicy, parse_policy, parse_record
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Announced, Failed, Plan, Sts, known, plan, settle

HTTPS: Final = 443
DEADLINE_S: Final = 60.0  # RFC 8461 section 3.3, for everything together
CONNECT_S: Final = 10.0  # for one address
ADDRESS_LIMIT: Final = 4  # addresses tried
PATH: Final = "/.well-known/mta-sts.txt"
FAILED_LIMIT: Final = 10_000  # domains whose failed fetch is remembered


class Fetcher(Protocol):
    """Gets the policy of a domain."""

    async def fetch(self, domain: str) -> StsPolicy:
        """Raises: FetchError."""


class HttpsFetcher:
    """The real one."""

    def __init__(
        self,
        resolver: SecureDns,
        context: ssl.SSLContext,
        *,
        is_allowed: Callable[[str], bool] | None = None,
        port: int = HTTPS,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """context: of `tls.contexts.build_policy_context`. is_allowed: whether an address may be asked; without it
        only public ones are. port: 443 but in tests.
        """
        self._resolver = resolver
        self._context = context
        self._is_allowed = is_allowed or is_public
        self._port = port
        self._deadline_s = deadline_s

    async def fetch(self, domain: str) -> StsPolicy:
        """Get and read the policy of a domain (A-label). Raises: FetchError, also for a policy that is none."""
        host = f"mta-sts.{domain}"
        try:
            async with asyncio.timeout(self._deadline_s):
                body = await self._get(host)
        except TimeoutError as error:
            raise FetchError(f"{host} took too long", Trouble.FETCH) from error
        try:
            return parse_policy(body)
        except StsSyntaxError as error:
            raise FetchError(f"the policy of {host} is not valid: {error}", Trouble.INVALID) from error

    async def _get(self, host: str) -> bytes:
        """Ask one address after the other; an answer, good or bad, ends it."""
        found = await self._resolver.addresses(host)
        addresses = [address for address in found.records if self._is_allowed(address)][:ADDRESS_LIMIT]
        if found.state is State.FAILED or not addresses:
            raise FetchError(f"{host} has no address that may be asked", Trouble.FETCH)
        trouble = FetchError(f"{host} takes no connection", Trouble.FETCH)
        async with httpx2.AsyncClient(
            verify=self._context, follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(CONNECT_S)
        ) as client:
            for address in addresses:
                try:
                    return await self._ask(client, host, address)
                except httpx2.ConnectError as error:
                    if _is_certificate(error):
                        raise FetchError(f"{host} has a certificate that does not count", Trouble.WEBPKI) from error
                except httpx2.HTTPError as error:
                    trouble = FetchError(f"{host} broke off: {type(error).__name__}", Trouble.FETCH)
        raise trouble

    async def _ask(self, client: httpx2.AsyncClient, host: str, address: str) -> bytes:
        literal = f"[{address}]" if ":" in address else address
        request = client.stream(
            "GET",
            f"https://{literal}:{self._port}{PATH}",
            headers={"Host": host, "Accept": "text/plain", "Accept-Encoding": "identity", "User-Agent": "mailward"},
            extensions={"sni_hostname": host},  # SNI, and the name that the certificate is checked for
        )
        async with request as response:
            if response.status_code != httpx2.codes.OK:  # RFC 8461 section 3.3: 200 and nothing else, no redirects
                raise FetchError(f"{host} answered {response.status_code}", Trouble.FETCH)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "text/plain":  # RFC 8461 section 3.2: a page that a user of the host could upload is no policy
                raise FetchError(f"{host} sent something else than text/plain", Trouble.FETCH)
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > SIZE_LIMIT:
                    raise FetchError(f"{host} sent more than 64 KiB", Trouble.FETCH)
            return bytes(body)


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


def is_public(address: str) -> bool:
    """Whether an address belongs to the public network."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global and not parsed.is_multicast


def _is_certificate(error: BaseException) -> bool:
    """Whether a certificate is behind a failed connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
