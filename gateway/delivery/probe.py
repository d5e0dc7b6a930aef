"""What TLS a domain offers, what mail would need there, and what a session with each of its hosts comes to.

The same look-ups, the same requirement and the same handshake as a delivery, without a message: after the greeting
each session ends.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from gateway.delivery.connection import Connection
from gateway.delivery.dialer import Dialer, NoConnection
from gateway.delivery.published import Publications
from gateway.delivery.routes import Hop, Router
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.published import NOTHING, Published
from tls.requirement import Needs, Requirement, requirement
from tls.weight import Weight, weigh

HOST_LIMIT: Final = 5  # hosts that are connected to
GOODBYE_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one kind of mail would meet at a host.

    needed: what it requires there. evidence: of the session, None in clear, or without one. reply: ours or the host's,
    empty where a session was had. failure: why there is no TLS, or none that counts; weight: what that means.
    """

    needed: Requirement
    is_ready: bool = False
    evidence: TlsEvidence | None = None
    failure: TlsFailure | None = None
    weight: Weight | None = None
    reply: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProbe:
    """naming: who says that this is its host. protected, other: what protected and other mail would meet."""

    host: str
    port: int
    addresses: tuple[str, ...]
    naming: str
    published: Published
    protected: Session
    other: Session


async def probe(
    domain: str, *, router: Router, dialer: Dialer, publications: Publications, protected: Needs, other: Needs
) -> tuple[HostProbe, ...]:
    """Try every host of a domain, in the order of a delivery; at most HOST_LIMIT.

    domain: lower-case A-label. protected, other: what such mail asks of every host. Raises: Unroutable.
    """
    hops = (await router.hops(domain))[:HOST_LIMIT]
    hosts = (_host(hop, domain, dialer, publications, protected, other) for hop in hops)
    return tuple(await asyncio.gather(*hosts))


async def _host(
    hop: Hop, domain: str, dialer: Dialer, publications: Publications, protected: Needs, other: Needs
) -> HostProbe:
    published = await publications.of(hop, domain)
    hop = replace(hop, tls=replace(hop.tls, published=published))
    return HostProbe(
        host=hop.host,
        port=hop.port,
        addresses=hop.addresses,
        naming=hop.tls.naming,
        published=hop.tls.published or NOTHING,
        protected=await _session(hop, requirement(protected, hop.tls), dialer),
        other=await _session(hop, requirement(other, hop.tls), dialer),
    )


async def _session(hop: Hop, needed: Requirement, dialer: Dialer) -> Session:
    if needed.refusal is not None:
        return Session(needed=needed, failure=needed.refusal, weight=weigh(needed.refusal, needed))
    made = await dialer.connect(hop, needed)
    if isinstance(made, Connection):
        await _say_goodbye(made)
        evidence = made.evidence
        return Session(needed=needed, is_ready=True, evidence=evidence, failure=made.tls_failure, ip=made.ip)
    return _failed(needed, made)


async def _say_goodbye(connection: Connection) -> None:
    connection.close()
    try:
        async with asyncio.timeout(GOODBYE_S):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()


def _failed(needed: Requirement, made: NoConnection) -> Session:
    failure = made.closed.tls_failure
    return Session(
        needed=needed,
        evidence=made.evidence,
        failure=failure,
        weight=None if failure is None else weigh(failure, needed),
        reply=made.closed.reply,
        ip=made.ip,
    )
