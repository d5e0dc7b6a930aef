"""Looks the TLSA records of a host up, where signed DNS says where."""

from typing import Final

from tls.dane.base import Bases, decide_bases, needs_cname
from tls.dane.parse import select_usable
from tls.dane.verify import Dane, DaneState
from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns

SMTP: Final = 25


async def find_dane(resolver: SecureDns, host: str, port: int = SMTP, *, next_hops: tuple[str, ...] = ()) -> Dane:
    """What DANE says of a host.

    host: A-label, lower case, no trailing dot. next_hops: the domain whose signed MX records named the host, and what
    its aliases lead to; a certificate may carry these names as well (RFC 7672 section 3.2.2). Empty for an unsigned MX,
    where anybody could have named it.
    Returns: a finding; nothing is raised.
    """
    addresses = await resolver.addresses(host)
    cname = await resolver.cname(host) if needs_cname(host, addresses) else None
    bases = decide_bases(host, addresses, cname)
    if bases.is_failed or not bases.names:
        return Dane(state=DaneState.FAILED if bases.is_failed else DaneState.NONE, why=f"{host}: {bases.why}")
    return await _ask(resolver, bases, port, next_hops)


async def _ask(resolver: SecureDns, bases: Bases, port: int, next_hops: tuple[str, ...]) -> Dane:
    """The first base domain with secure records counts (RFC 7672 section 2.2.2); one that fails ends it."""
    why = ""
    for base in bases.names:
        name = f"_{port}._tcp.{base}"  # RFC 6698 section 3
        found = await resolver.tlsa(name)
        if found.state is State.FAILED:
            return Dane(state=DaneState.FAILED, why=f"the TLSA records of {name} could not be looked up")
        if found.state is State.FOUND and found.is_secure:
            records = select_usable(found.records)
            return Dane(
                state=DaneState.USABLE if records else DaneState.UNUSABLE,
                base=base,
                names=tuple(dict.fromkeys((base, *next_hops))),
                records=records,
                why=f"TLSA records of {name}" if records else f"none of the TLSA records of {name} is usable",
            )
        why = f"the TLSA records of {name} are not signed" if found.records else f"no TLSA records at {name}"
    return Dane(state=DaneState.NONE, why=why)
