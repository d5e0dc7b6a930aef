"""What delivery asks of DNS: the MX records of a domain and the addresses of a host."""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from gateway.config.values import HostPort

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


class Resolver(Protocol):
    """What routes need; the tests have one made of data. Empty tuples stand for "the name exists, no such record"."""

    async def mx(self, domain: str) -> tuple[Mx, ...]:
        """Raises: NoSuchDomain, AliasLoop, DnsTrouble."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """IPv6 first. Raises: NoSuchDomain, AliasLoop, DnsTrouble."""


class DnsResolver:
    """Asks the configured resolvers, or the system's when there are none."""

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
        self._resolver.cache = dns.resolver.LRUCache(CACHE_SIZE)

    async def mx(self, domain: str) -> tuple[Mx, ...]:
        records = await self._ask(domain, dns.rdatatype.MX)
        return tuple(
            Mx(record.preference, record.exchange.to_text(omit_final_dot=True).lower().removesuffix("."))
            for record in records
            if isinstance(record, MX)
        )

    async def addresses(self, host: str) -> tuple[str, ...]:
        answers = await asyncio.gather(
            self._ask(host, dns.rdatatype.AAAA), self._ask(host, dns.rdatatype.A), return_exceptions=True
        )
        found = tuple(
            record.to_text() for answer in answers if not isinstance(answer, BaseException) for record in answer
        )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if found or not failures:
            return found
        raise failures[0]

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> Sequence[dns.rdata.Rdata]:
        try:
            answer = await self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
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
        return list(answer.rrset or ())
