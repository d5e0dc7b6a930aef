"""The internet of the demonstration: a resolver, an authority, and mail servers on loopback addresses of their own.

All servers share one port, as port 25 is shared out there, and differ in what they offer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway.demo.authority import Authority, Identity
from gateway.demo.destination import Destination
from gateway.demo.resolver import Zone, serve_zone

TRIES: Final = 5  # for a port that is free on every address


class Offer(StrEnum):
    """What a server brings to STARTTLS."""

    GOOD = "a good certificate"
    EXPIRED = "an expired certificate"
    NOTHING = "no TLS"


@dataclass(frozen=True, slots=True)
class Host:
    """The mail server of one domain."""

    domain: str
    name: str
    address: str
    offer: Offer
    about: str

    @property
    def is_safe(self) -> bool:
        """Whether a message in clear is private on its way to this server."""
        return self.offer is Offer.GOOD


CLINIC: Final = "clinic.example"
GP: Final = "gp.example"
SPECIALIST: Final = "specialist.example"
HOSTS: Final = (
    Host(CLINIC, "mail.clinic.example", "127.0.0.10", Offer.GOOD, "the clinic's own mailboxes"),
    Host("hospital.example", "mx.hospital.example", "127.0.0.11", Offer.GOOD, "certificate verifies"),
    Host("labs.example", "mx.labs.example", "127.0.0.12", Offer.EXPIRED, "certificate has expired"),
    Host("oldclinic.example", "mx.oldclinic.example", "127.0.0.13", Offer.NOTHING, "offers no TLS"),
    Host(GP, "mx.gp.example", "127.0.0.14", Offer.NOTHING, "no TLS, OpenPGP key on file"),
    Host("mailbox.example", "mx.mailbox.example", "127.0.0.15", Offer.GOOD, "certificate verifies, portal only"),
    Host(SPECIALIST, "mx.specialist.example", "127.0.0.16", Offer.NOTHING, "no TLS, S/MIME certificate on file"),
)


@dataclass(frozen=True, slots=True)
class World:
    """What runs. destinations: by domain; port: of all of them; resolver_port: UDP on 127.0.0.1."""

    authority: Authority
    destinations: Mapping[str, Destination]
    port: int
    resolver_port: int


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Start everything; stop it in the end. folder: for certificates."""
    authority = Authority.create(folder)
    identities = {host.domain: _identity(authority, host) for host in HOSTS}
    zone = Zone(mx={host.domain: (host.name,) for host in HOSTS}, a={host.name: host.address for host in HOSTS})
    async with AsyncExitStack() as stack:
        resolver, resolver_port = await serve_zone(zone)
        stack.callback(resolver.close)
        destinations, port = await _listen(identities)
        for destination in destinations.values():
            stack.push_async_callback(_stop, destination)
        yield World(authority, destinations, port, resolver_port)


def _identity(authority: Authority, host: Host) -> Identity | None:
    if host.offer is Offer.NOTHING:
        return None
    return authority.issue(host.name, is_expired=host.offer is Offer.EXPIRED)


async def _listen(identities: Mapping[str, Identity | None]) -> tuple[dict[str, Destination], int]:
    """All servers on one port that is free on every address. Raises: OSError when there is none."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(OSError):
            return await _listen_once(identities)
    return await _listen_once(identities)


async def _listen_once(identities: Mapping[str, Identity | None]) -> tuple[dict[str, Destination], int]:
    port, started = 0, dict[str, Destination]()
    try:
        for host in HOSTS:
            destination = Destination(host.name, identity=identities[host.domain])
            port = await destination.start(host.address, port)
            started[host.domain] = destination
    except OSError:
        await asyncio.gather(*(destination.stop() for destination in started.values()))
        raise
    return started, port


async def _stop(destination: Destination) -> None:
    """Python 3.12 and newer wait for open sessions, which the gateway keeps for reuse."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await destination.stop()
