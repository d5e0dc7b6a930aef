"""What delivery asks of DNS: the MX records of a domain and the addresses of a host."""

import asyncio
import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdataclass
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from gateway.config.values import HostPort

T = TypeVar("T")

CACHE_SIZE: Final = 10_000  # answers; each lives for its own TTL
LIFETIME_S: Final = 20.0  # for one question over all resolvers and repetitions


class NoSuchDomain(Exception):
    """DNS says that the name does not exist (NXDOMAIN): trying again does not help."""


class AliasLoop(Exception):
    """The CNAMEs of a name lead back to it, or on for ever: trying again does not help."""


class DnsTrouble(Exception):
    """No answer, or none that can be used (timeout, SERVFAIL): try later. The text says which."""


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """One MX record. host: lower case, no trailing dot; empty for the null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class MxRecords:
    """The MX records of a domain; none: the name exists and has no such record.

    has_ad: the answer, or the denial, came with AD. Whether that says anything is for `tls.lookup` to know (TL-25).
    """

    records: tuple[Mx, ...] = ()
    has_ad: bool = False


class Resolver(Protocol):
    """What routes need; the tests have one made of data. Empty tuples stand for "the name exists, no such record"."""

    async def mx(self, domain: str) -> MxRecords:
        """Raises: NoSuchDomain, AliasLoop, DnsTrouble."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """IPv6 first. Raises: NoSuchDomain, AliasLoop, DnsTrouble."""


class Kept(Generic[T]):
    """Values by name until they expire; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[T, float]] = {}

    def get(self, name: str) -> T | None:
        value, expires_at = self._values.get(name, (None, 0.0))
        return value if time.time() < expires_at else None

    def put(self, name: str, value: T, expires_at: float) -> T:
        """expires_at: seconds since 1970. Returns: the value."""
        self._values.pop(name, None)
        if len(self._values) >= CACHE_SIZE:
            del self._values[next(iter(self._values))]
        self._values[name] = (value, expires_at)
        return value


class DnsResolver:
    """Asks the configured resolvers, or the system's when there are none.

    Answers are kept as values for their time: asking dnspython costs 0.1 ms even where it has the answer.
    """

    def __init__(self, resolvers: Sequence[HostPort], *, lifetime_s: float = LIFETIME_S) -> None:
        """Set up; nothing is asked yet.

        resolvers: IP addresses with ports (`dns.resolvers`).
        Raises: ValueError for a name where an address belongs; OSError when the system names no resolver.
        """
        for at in resolvers:
            ipaddress.ip_address(at.host)
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not resolvers)
        except dns.resolver.NoResolverConfiguration as error:
            raise OSError("/etc/resolv.conf names no resolver; mend it, or set dns.resolvers") from error
        if resolvers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(at.host, at.port) for at in resolvers]
        self._resolver.lifetime = lifetime_s
        self._resolver.cache = dns.resolver.LRUCache(CACHE_SIZE)  # what is not there is kept here, too
        self._resolver.flags = dns.flags.RD | dns.flags.AD  # RFC 6840 section 5.7: AD here asks for AD in the answer
        self._mx: Kept[MxRecords] = Kept()
        self._addresses: Kept[tuple[str, ...]] = Kept()

    def forget_mx(self) -> None:
        """Ask for MX records anew: what was heard, AD included, came from a resolver that was not to be believed."""
        if self._resolver.cache is not None:
            self._resolver.cache.flush()
        self._mx = Kept()

    async def mx(self, domain: str) -> MxRecords:
        known = self._mx.get(domain)
        if known is not None:
            return known
        answer = await self._ask(domain, dns.rdatatype.MX)
        records = tuple(
            Mx(record.preference, record.exchange.to_text(omit_final_dot=True).lower().removesuffix("."))
            for record in answer.rrset or ()
            if isinstance(record, MX)
        )
        has_ad = bool(answer.response.flags & dns.flags.AD)
        return self._mx.put(domain, MxRecords(records, has_ad), answer.expiration)

    async def addresses(self, host: str) -> tuple[str, ...]:
        known = self._addresses.get(host)
        if known is not None:
            return known
        asked = await asyncio.gather(
            self._ask(host, dns.rdatatype.AAAA), self._ask(host, dns.rdatatype.A), return_exceptions=True
        )
        self._forget_denial(host, asked)
        answers = [answer for answer in asked if not isinstance(answer, BaseException)]
        failures = [answer for answer in asked if isinstance(answer, BaseException)]
        found = tuple(record.to_text() for answer in answers for record in answer.rrset or ())
        if not failures:
            return self._addresses.put(host, found, min(answer.expiration for answer in answers))
        if found:
            return found
        troubles = [failure for failure in failures if isinstance(failure, DnsTrouble)]
        raise (troubles or failures)[0]

    def _forget_denial(self, host: str, asked: Sequence[object]) -> None:
        """Servers that deny a name for AAAA alone exist (RFC 4074 section 4.2); the cache takes it for all types."""
        denials = [isinstance(answer, NoSuchDomain) for answer in asked]
        if any(denials) and not all(denials) and self._resolver.cache is not None:
            self._resolver.cache.flush((dns.name.from_text(f"{host}."), dns.rdatatype.ANY, dns.rdataclass.IN))

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer:
        try:
            return await self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            raise NoSuchDomain(f"{name} does not exist") from error
        except dns.resolver.NoNameservers as error:
            if any(isinstance(reason, dns.message.ChainTooLong) for _, _, _, reason, _ in error.kwargs["errors"]):
                raise AliasLoop(f"the aliases of {name} form a loop") from error
            raise DnsTrouble(f"the resolvers failed on {name}") from error
        except dns.resolver.LifetimeTimeout as error:
            raise DnsTrouble(f"no answer about {name} in time") from error
        except (dns.exception.DNSException, OSError) as error:
            raise DnsTrouble(f"no usable answer about {name}") from error
