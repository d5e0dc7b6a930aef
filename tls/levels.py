"""How safe a session with a next hop is, or has to be."""

from enum import IntEnum


class TlsLevel(IntEnum):
    """Order is meaning: requirements merge by max, so that a policy may raise the level and never lower it."""

    NONE = 0  # opportunistic: encrypted where the peer can (RFC 7435), in clear where it cannot
    ENCRYPTED = 1  # TLS 1.2 or newer, peer not authenticated
    VERIFIED = 2  # TLS 1.2 or newer, and the certificate names the host and chains to a trust anchor
