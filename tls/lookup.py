"""Everything that a domain and its hosts publish about TLS, looked up."""

import ipaddress

from tls.dane.lookup import find_dane
from tls.dane.verify import NO_DANE
from tls.dnssec.lookup import SecureDns
from tls.mta_sts.lookup import StsPolicies
from tls.mta_sts.verify import NO_STS, Sts
from tls.published import Published


class TlsPolicies:
    """What delivery asks: once for the domain, then once for each host that it is about to connect to."""

    def __init__(self, resolver: SecureDns, sts: StsPolicies) -> None:
        self._resolver = resolver
        self._sts = sts

    async def domain(self, domain: str) -> Sts:
        """MTA-STS of a recipient domain; not for hosts that the configuration names."""
        return await self._sts.policy(domain)

    async def host(
        self, host: str, port: int, *, domain: str = "", is_mx_signed: bool = False, sts: Sts = NO_STS
    ) -> Published:
        """What one host publishes.

        host: A-label, lower case, no trailing dot; an IP address publishes nothing. domain: whose MX records named it,
        empty for a host that the configuration names. is_mx_signed: whether those records came with AD, as `mx` of the
        same resolver tells. Without a resolver that is trusted with AD no TLSA record is asked for.
        """
        if not self._resolver.is_ad_trusted or _is_literal(host):  # RFC 7672 section 2.2.2: an address has no zone
            return Published(host=host, dane=NO_DANE, sts=sts)
        next_hops = (domain,) if domain and is_mx_signed else ()
        dane = await find_dane(self._resolver, host, port, next_hops=next_hops)
        return Published(host=host, is_mx_signed=is_mx_signed, dane=dane, sts=sts)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
