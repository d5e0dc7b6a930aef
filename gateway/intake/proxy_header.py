"""The PROXY protocol, versions 1 and 2: bytes in, the client's address out. No I/O, no clock.

How this works: what follows the header belongs to SMTP or to TLS and may be in the same segment. So the reader says how
many octets it needs, never more than are the header's for sure, and the caller reads no more than that from the socket.

Stricter than the specification in one place: a relayed connection whose origin the proxy does not tell (UNKNOWN, or a
family other than TCP over IP) is an error. The proxy's own address would stand in for it, and may be a trusted one.
Source: The PROXY protocol, versions 1 and 2 (HAProxy, proxy-protocol.txt), sections 2.1 and 2.2.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

V1: Final = b"PROXY "
V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
V1_SHORTEST: Final = len(b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n")
V1_LONGEST: Final = 107  # section 2.1, CRLF included
V2_FIXED: Final = 16
V2_LONGEST: Final = 2048  # addresses and type-length-values, which are skipped; the specification allows 65,535
LOCAL, PROXY = 0x20, 0x21  # version 2 and command
FAMILIES: Final = {0x11: (4, 12), 0x21: (16, 36)}  # TCP over IPv4, IPv6: octets of one address, of both with ports
V1_LINE: Final = re.compile(
    rb"PROXY (TCP[46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39}) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n"
)


class ProxyHeaderError(ValueError):
    """Not a header that we take: close the connection. The text says why and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection comes from. ip: empty when it is the proxy's own (LOCAL, a health check)."""

    ip: str
    port: int


class HeaderReader:
    """Reads one header: feed it at most `need` octets at a time, until it gives the origin."""

    def __init__(self) -> None:
        self._seen = b""

    @property
    def need(self) -> int:
        """How many octets more are the header's, at least 1."""
        have = len(self._seen)
        if have < V2_FIXED:
            return V2_FIXED - have  # no header that we take is shorter
        if self._seen.startswith(V2):
            return V2_FIXED + self._v2_length() - have
        return max(V1_SHORTEST - have, 1)

    def feed(self, data: bytes) -> Origin | None:
        """Take the next octets. Returns: the origin when the header is whole. Raises: ProxyHeaderError."""
        self._seen += data
        seen = self._seen
        if not any(seen.startswith(mark[: len(seen)]) for mark in (V1, V2)):
            raise ProxyHeaderError("no header")
        if seen.startswith(V1):
            return self._feed_v1()
        if len(seen) < V2_FIXED or len(seen) < V2_FIXED + self._v2_length():
            return None
        return _parse_v2(seen)

    def _feed_v1(self) -> Origin | None:
        if b"\r\n" in self._seen:
            return _parse_v1(self._seen)
        if len(self._seen) >= V1_LONGEST:
            raise ProxyHeaderError("header too long")
        return None

    def _v2_length(self) -> int:
        length = int.from_bytes(self._seen[14:16])
        if length > V2_LONGEST:
            raise ProxyHeaderError("header too long")
        return length


def _parse_v1(line: bytes) -> Origin:
    match = V1_LINE.fullmatch(line)
    if match is None:
        raise ProxyHeaderError("header malformed, or of an unknown origin")
    kind = IPv4Address if match[1] == b"TCP4" else IPv6Address
    try:
        source, _ = (kind(text.decode("ascii")) for text in match.group(2, 3))
    except ValueError:
        raise ProxyHeaderError("address malformed") from None
    ports = [int(text) for text in match.group(4, 5)]
    if max(ports) > 65535:
        raise ProxyHeaderError("port malformed")
    return Origin(str(source), ports[0])


def _parse_v2(header: bytes) -> Origin:
    command, family, block = header[12], header[13], header[V2_FIXED:]
    if command == LOCAL:
        return Origin("", 0)
    if command != PROXY:
        raise ProxyHeaderError("unknown version or command")
    if family not in FAMILIES:
        raise ProxyHeaderError("not TCP over IP")
    width, length = FAMILIES[family]
    if len(block) < length:
        raise ProxyHeaderError("header too short")
    return Origin(str(ip_address(block[:width])), int.from_bytes(block[2 * width : 2 * width + 2]))
