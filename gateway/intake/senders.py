"""Who may send as whom, as far as the envelope tells. Pure; the header From is the pipeline's (ID-04)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.intake import replies
from gateway.message.account import may_send_as
from gateway.message.address import domain_of
from gateway.message.verdict import Reply

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who talks. senders: what the login may send as, see `Account`. is_relay: let in by network or certificate, not by
    AUTH. has_certificate: TLS verified one against `client_ca`.
    """

    ip: str
    senders: frozenset[str]
    is_relay: bool
    has_certificate: bool = False


def refuse_sender(sender: str, peer: Peer, *, networks: Sequence[Network], domains: Collection[str]) -> Reply | None:
    """Why a peer may not use a reverse path, None when it may.

    sender: empty for the null reverse path: bounces of a mail server, never of a person (ID-07).
    domains: those we send for, lower case.
    """
    if peer.is_relay:
        # A certificate where it is asked for, the handshake saw to that; and the right network where any is listed.
        if not (is_within(peer.ip, networks) if networks else peer.has_certificate):
            return replies.RELAYING_DENIED
        return None if not sender or domain_of(sender) in domains else replies.DOMAIN_NOT_OURS  # ID-02
    if not may_send_as(sender, peer.senders):
        return replies.SENDER_NOT_YOURS if sender else replies.NULL_SENDER_REFUSED  # ID-03, ID-07
    return replies.SENDER_NOT_YOURS if sender and domain_of(sender) not in domains else None


def is_within(ip: str, networks: Sequence[Network]) -> bool:
    """Whether an address, as `plain_ip` writes it, is in one of the networks."""
    address = ip_address(ip)
    return any(address in network for network in networks)


@lru_cache(maxsize=1024)
def plain_ip(text: str) -> str:
    """An address as sockets tell it, without zone, and IPv4 also when it came through an IPv6 socket."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
