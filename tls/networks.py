"""Which addresses belong to the public network, in whatever clothes of IPv6 they come."""

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1: the last four octets are of IPv4
# Global for the standard library, and yet of some network inside.
INSIDE: Final = (
    ipaddress.IPv6Network("::/96"),  # RFC 4291 section 2.5.5.1, IPv4-compatible
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # RFC 8215, translators of a site
    ipaddress.IPv6Network("fec0::/10"),  # RFC 3879, site-local
)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to (mapped, NAT64, 6to4), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def is_public(text: str) -> bool:
    """Whether an address belongs to the public network. Raises: ValueError for what is no address."""
    address = unwrapped(ipaddress.ip_address(text))
    is_inside = any(address in network for network in INSIDE if network.version == address.version)
    return address.is_global and not address.is_multicast and not is_inside
