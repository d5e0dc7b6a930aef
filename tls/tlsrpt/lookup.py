"""Who wants reports about a domain, asked of DNS."""

from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns
from tls.errors import RptSyntaxError
from tls.tlsrpt.parse import Rua, parse_record


async def find_rua(resolver: SecureDns, domain: str) -> tuple[Rua, ...] | None:
    """Addresses for the reports of a domain (A-label); empty when it wants none, None when DNS does not say."""
    found = await resolver.txt(f"_smtp._tls.{domain}")  # RFC 8460 section 3
    if found.state is State.FAILED:
        return None
    try:
        return parse_record(found.records) or ()
    except RptSyntaxError:
        return ()
