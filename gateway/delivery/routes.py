"""Which hosts a domain's mail is handed to, in which order, and what is known of them before connecting.

First what the caller says (`domain.inbound`), then the host of a `[[delivery.route]]`, then the smart host of the
domain that sends, then `delivery.smart_host`, then MX, then the domain's own addresses (RFC 5321 section 5.1). Host
names become addresses here, so that a refusal to talk to private networks holds for every one of them.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.config.model import Domain
from gateway.config.modes import RouteTlsKind
from gateway.config.sending import Delivery, Route
from gateway.config.smart_hosts import Identity, identity_at, smart_host_for
from gateway.config.values import HostPort
from gateway.config.ways import find_route
from gateway.delivery.lookup import AliasLoop, DnsTrouble, Mx, NoSuchDomain, Resolver
from gateway.delivery.race import interleave
from tls.levels import TlsLevel
from tls.networks import is_public, unwrapped
from tls.requirement import HopTls

HOP_LIMIT: Final = 10  # hosts tried for one domain; what stands behind them counts as not there
ADDRESS_LIMIT: Final = 4  # addresses tried for one host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Shuffle = Callable[[list[Mx]], None]


class Unroutable(Exception):
    """No host can be tried. reply: one line with an enhanced status. is_permanent: the mail goes back."""

    def __init__(self, reply: str, *, is_permanent: bool) -> None:
        super().__init__(reply)
        self.reply = reply
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A host to try. addresses: may be empty; then `trouble` is the reply that says why, and it may be better later.

    is_mx_signed: DNS said with AD that this is a host of the domain.
    identity: who we are there, None: nobody in particular.
    """

    host: str
    port: int
    tls: HopTls
    is_mx_signed: bool = False
    addresses: tuple[str, ...] = ()
    trouble: str = ""
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host before its addresses are known."""

    host: str
    port: int
    tls: HopTls
    identity: Identity | None = None
    is_mx_signed: bool = False

    def hop(self, addresses: tuple[str, ...] = (), *, trouble: str = "") -> Hop:
        return Hop(
            host=self.host,
            port=self.port,
            tls=self.tls,
            is_mx_signed=self.is_mx_signed,
            addresses=addresses,
            trouble=trouble,
            identity=self.identity,
        )


class Router:
    """Turns a domain into hops."""

    def __init__(
        self,
        resolver: Resolver,
        delivery: Delivery,
        *,
        hostname: str,
        shuffle: Shuffle,
        domains: Sequence[Domain] = (),
    ) -> None:
        """hostname: ours (`server.hostname`). shuffle: puts MX of equal preference in a random order, in place.

        domains: ours, of which some may have a smart host of their own.
        """
        self._domains = domains
        self._resolver = resolver
        self._delivery = delivery
        self._hostname = hostname
        self._shuffle = shuffle

    async def hops(self, domain: str, via: HostPort | None = None, *, home: str = "") -> tuple[Hop, ...]:
        """The hosts to try, in order, at least one.

        via: the next hop that the caller wants instead of route and MX. home: the domain that sends.
        Raises: Unroutable.
        """
        targets = self._configured(domain, via, home) or await self._published(domain)
        found = await self._resolve_all(targets[:HOP_LIMIT])
        hops = tuple(hop for hop in found if hop is not None)
        if not hops:
            raise Unroutable(f"550 5.4.4 no mail host of {domain} has an address", is_permanent=True)
        return hops

    def _configured(self, domain: str, via: HostPort | None, home: str) -> tuple[Target, ...]:
        route = find_route(domain, self._delivery.route)
        smart_host = smart_host_for(home, self._delivery, self._domains)
        if via is not None:
            return (Target(host=via.host, port=via.port, tls=HopTls(is_vouched=True)),)
        if route is not None and route.host:
            identity = identity_at(route)
            tls = replace(route_tls(route), is_vouched=True, is_known=identity is not None)
            return (Target(host=route.host, port=route.port, tls=tls, identity=identity),)
        if smart_host is not None:
            identity, address = smart_host.identity, smart_host.address
            tls = replace(
                route_tls(route),
                is_vouched=True,
                is_smart_host=True,
                is_attested=smart_host.is_attested,
                is_known=identity is not None,
            )
            return (Target(host=address.host, port=address.port, tls=tls, identity=identity),)
        return ()

    async def _published(self, domain: str) -> tuple[Target, ...]:
        """What DNS says: MX, or the domain itself where it has none."""
        route = find_route(domain, self._delivery.route)
        port = self._delivery.port if route is None else route.port
        try:
            found = await self._resolver.mx(domain)
        except NoSuchDomain as error:
            raise Unroutable(f"550 5.1.2 {domain} does not exist", is_permanent=True) from error
        except AliasLoop as error:
            raise Unroutable(f"554 5.4.6 {error}", is_permanent=True) from error
        except DnsTrouble as error:
            raise Unroutable(f"451 4.4.3 {error}", is_permanent=False) from error
        hosts: tuple[str, ...] = (domain,)
        if found.records:
            hosts = order_mx(domain, found.records, hostname=self._hostname, shuffle=self._shuffle)
        tls = route_tls(route)
        return tuple(Target(host=host, port=port, tls=tls, is_mx_signed=found.has_ad) for host in hosts)

    async def _resolve_all(self, targets: Sequence[Target]) -> Sequence[Hop | None]:
        """A task for each costs more than the look-up of a name that is known: most domains have one host."""
        if len(targets) == 1:
            return (await self._resolve(targets[0]),)
        return await asyncio.gather(*map(self._resolve, targets))

    async def _resolve(self, target: Target) -> Hop | None:
        """Look the addresses up. None: DNS says for certain that there are none that may be used."""
        try:
            addresses = await self._lookup(target)
        except (NoSuchDomain, AliasLoop):
            addresses = ()
        except DnsTrouble as error:
            return target.hop(trouble=f"451 4.4.3 {error}")
        allowed = tuple(text for text in addresses if is_allowed(text, self._delivery.private_networks))
        if allowed:
            return target.hop(interleave(allowed)[:ADDRESS_LIMIT])
        if not target.tls.is_vouched:
            return None
        why = "is in a private network that delivery.private_networks does not list" if addresses else "has no address"
        return target.hop(trouble=f"451 4.4.4 {target.host} {why}")

    async def _lookup(self, target: Target) -> tuple[str, ...]:
        """An IP address may stand in the configuration, never in an MX record (RFC 5321 section 5.1)."""
        if is_literal(target.host):
            return (target.host,) if target.tls.is_vouched else ()
        return await self._resolver.addresses(target.host)


def route_tls(route: Route | None) -> HopTls:
    """What `delivery.route.tls` asks of every host of a destination; without a route nothing."""
    if route is None:
        return HopTls()
    match route.tls.kind:
        case RouteTlsKind.VERIFIED:
            return HopTls(route_level=TlsLevel.VERIFIED)
        case RouteTlsKind.DANE:
            return HopTls(route_level=TlsLevel.VERIFIED, is_dane_required=True)
        case RouteTlsKind.PINNED:
            return HopTls(route_level=TlsLevel.VERIFIED, pin=route.tls.pin)
        case RouteTlsKind.OPPORTUNISTIC:
            return HopTls()


def order_mx(domain: str, records: Sequence[Mx], *, hostname: str, shuffle: Shuffle) -> tuple[str, ...]:
    """Hosts by preference, in random order where it is equal; only those before our own name (RFC 5321 section 5.1).

    Raises: Unroutable for the null MX, and when we are the best host ourselves.
    """
    if any(not record.host for record in records) and len({record.host for record in records}) == 1:
        raise Unroutable(f"556 5.1.10 {domain} takes no mail (null MX)", is_permanent=True)  # RFC 7505 section 4
    named = [record for record in records if record.host]
    ours = min((record.preference for record in named if record.host == hostname), default=None)
    usable = [record for record in named if ours is None or record.preference < ours]
    if not usable:
        raise Unroutable(f"554 5.4.6 mail for {domain} loops back to {hostname}", is_permanent=True)
    shuffle(usable)
    return tuple(dict.fromkeys(record.host for record in sorted(usable, key=lambda record: record.preference)))


@lru_cache(maxsize=4096)
def is_literal(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def is_allowed(text: str, private_networks: tuple[Network, ...]) -> bool:
    """Whether an address may be a next hop: public, or in a network that the operator lists (OB-08)."""
    address: Address = ipaddress.ip_address(text)
    forms = {address, unwrapped(address)}
    listed = (form in network for network in private_networks for form in forms if network.version == form.version)
    return any(listed) or is_public(text)
