"""Asks DNS, and believes AD only where the configuration trusts the resolver with it.

RFC 6840 section 5.7: AD in the query asks for AD in the answer. Whoever can forge answers can forge AD, so it counts
only from resolvers that the operator named and vouched for (`dns.resolvers` with `dns.trust_ad`): a loopback address or
a path that nobody else can write to.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.nameserver
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from tls.dnssec.answers import Lookup, State, merge
from tls.dnssec.verify import BOGUS_NAME, SIGNED_NAME, ResolverVerdict, judge_resolver, worst

T = TypeVar("T")

CACHE_SIZE: Final = 10_000  # answers; each lives for its TTL
LIFETIME_S: Final = 20.0  # for one question over all resolvers and repetitions


class SecureDns(Protocol):
    """What this room asks of DNS; the tests have one made of data. Names have no trailing dot; nothing is raised."""

    @property
    def is_ad_trusted(self) -> bool:
        """Whether an answer can be secure at all."""

    async def txt(self, name: str) -> Lookup[bytes]:
        """Each record as one string (RFC 8461 section 3.1: concatenated without spaces)."""

    async def tlsa(self, name: str) -> Lookup[bytes]:
        """Each record as its RDATA (RFC 6698 section 2.1)."""

    async def addresses(self, name: str) -> Lookup[str]:
        """AAAA and A, in this order."""

    async def cname(self, name: str) -> Lookup[str]:
        """The alias itself, not followed."""

    async def mx(self, name: str) -> Lookup[tuple[int, str]]:
        """Preference and host, lower case, no trailing dot; the host of the null MX is empty."""


class DnssecResolver:
    """A `SecureDns` over dnspython."""

    def __init__(
        self, resolvers: Sequence[tuple[str, int]], *, is_ad_trusted: bool, lifetime_s: float = LIFETIME_S
    ) -> None:
        """Set up; nothing is asked yet.

        resolvers: IP addresses with ports (`dns.resolvers`); none: the system's. is_ad_trusted: `dns.trust_ad`.
        Raises: ValueError for a name where an address belongs, and when the system's resolvers should be trusted with
        AD: nobody knows who they are (TL-25). OSError when the system names no resolver.
        """
        if is_ad_trusted and not resolvers:
            raise ValueError("AD is believed only from resolvers that are named in dns.resolvers")
        for host, _ in resolvers:
            ipaddress.ip_address(host)
        try:
            self._resolver = _make(resolvers, lifetime_s)
        except dns.exception.DNSException as error:
            raise OSError("the system names no resolver; set dns.resolvers") from error
        self._each = [_make([one], lifetime_s) for one in resolvers] or [self._resolver]
        self._is_ad_trusted = is_ad_trusted

    @property
    def is_ad_trusted(self) -> bool:
        return self._is_ad_trusted

    def stop_trusting(self) -> None:
        """From now on AD does not count: the self-test failed. DANE then never applies, and is never claimed."""
        self._is_ad_trusted = False

    def trust_again(self) -> None:
        """AD counts from now on: the self-test passed after it had failed. What was heard before is forgotten."""
        if not self._is_ad_trusted and self._resolver.cache is not None:
            self._resolver.cache.flush()
        self._is_ad_trusted = True

    async def txt(self, name: str) -> Lookup[bytes]:
        return await self._ask(name, dns.rdatatype.TXT, _txt)

    async def tlsa(self, name: str) -> Lookup[bytes]:
        return await self._ask(name, dns.rdatatype.TLSA, lambda record: record.to_wire() or b"")

    async def addresses(self, name: str) -> Lookup[str]:
        return merge(
            *await asyncio.gather(
                self._ask(name, dns.rdatatype.AAAA, dns.rdata.Rdata.to_text),
                self._ask(name, dns.rdatatype.A, dns.rdata.Rdata.to_text),
            )
        )

    async def cname(self, name: str) -> Lookup[str]:
        return await self._ask(name, dns.rdatatype.CNAME, lambda record: _plain(record.to_text()))

    async def mx(self, name: str) -> Lookup[tuple[int, str]]:
        return await self._ask(name, dns.rdatatype.MX, _mx)

    async def openpgpkey(self, name: str) -> Lookup[bytes]:
        """Each record as its RDATA, a transferable public key (RFC 7929 section 2.2)."""
        return await self._ask(name, dns.rdatatype.OPENPGPKEY, lambda record: record.to_wire() or b"")

    async def smimea(self, name: str) -> Lookup[bytes]:
        """Each record as its RDATA, in the form of TLSA (RFC 8162 section 2)."""
        return await self._ask(name, dns.rdatatype.SMIMEA, lambda record: record.to_wire() or b"")

    async def self_test(self, *, bogus_name: str = BOGUS_NAME, signed_name: str = SIGNED_NAME) -> ResolverVerdict:
        """Whether every resolver validates (TL-25), by the addresses of both names; asks past the cache.

        Nothing follows from the verdict here: the caller says `stop_trusting`, and tries UNREACHABLE again.
        """
        names = (bogus_name, signed_name)
        tests = [asyncio.gather(*(self._test(one, name) for name in names)) for one in self._each]
        return worst(judge_resolver(bogus, signed) for bogus, signed in await asyncio.gather(*tests))

    async def _test(self, one: dns.asyncresolver.Resolver, name: str) -> Lookup[str]:
        """AD as it came, whether it is trusted or not: the question is what the resolver does."""
        one.cache.flush()  # what it said before proves nothing now
        return await _ask(one, name, dns.rdatatype.A, dns.rdata.Rdata.to_text, is_ad_read=True)

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType, read: Callable[[dns.rdata.Rdata], T]) -> Lookup[T]:
        return await _ask(self._resolver, name, kind, read, is_ad_read=self._is_ad_trusted)


def _make(resolvers: Sequence[tuple[str, int]], lifetime_s: float) -> dns.asyncresolver.Resolver:
    """Raises: dns.exception.DNSException when none is given and the system names none."""
    made = dns.asyncresolver.Resolver(configure=not resolvers)
    if resolvers:
        made.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in resolvers]
    made.lifetime = lifetime_s
    made.cache = dns.resolver.LRUCache(CACHE_SIZE)
    made.flags = dns.flags.RD | dns.flags.AD  # RFC 6840 section 5.7
    made.use_edns(0, 0, 1232)
    return made


async def _ask(
    resolver: dns.asyncresolver.Resolver,
    name: str,
    kind: dns.rdatatype.RdataType,
    read: Callable[[dns.rdata.Rdata], T],
    *,
    is_ad_read: bool,
) -> Lookup[T]:
    """One question. A name that cannot be asked for, and records that cannot be read, count as a failure."""
    try:
        answer = await resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
        records = tuple(read(record) for record in answer.rrset or ())
    except dns.resolver.NXDOMAIN as error:
        is_secure = is_ad_read and all(map(_has_ad, error.kwargs["responses"].values()))
        return Lookup(state=State.ABSENT, name=_plain(name), is_secure=is_secure)
    except dns.resolver.NoNameservers as error:
        rcodes = [response.rcode() for *_, response in error.kwargs["errors"] if response is not None]
        return Lookup(state=State.FAILED, name=_plain(name), is_servfail=dns.rcode.SERVFAIL in rcodes)
    except (dns.exception.DNSException, OSError, ValueError):
        return Lookup(state=State.FAILED, name=_plain(name))
    return Lookup(
        state=State.FOUND if records else State.ABSENT,
        name=_plain(answer.canonical_name.to_text()),
        records=records,
        is_secure=is_ad_read and _has_ad(answer.response),
    )


def _has_ad(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AD)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _txt(record: dns.rdata.Rdata) -> bytes:
    return b"".join(record.strings) if isinstance(record, TXT) else b""


def _mx(record: dns.rdata.Rdata) -> tuple[int, str]:
    if not isinstance(record, MX):
        raise TypeError("not an MX record")
    return record.preference, _plain(record.exchange.to_text())
