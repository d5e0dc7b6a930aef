"""How safe a session with a next hop is, or has to be."""

from enum import Enum, IntEnum


class TlsLevel(IntEnum):
    """Order is meaning: requirements merge by max, so that a policy may raise the level and never lower it."""

    NONE = 0  # opportunistic: encrypted where the peer can (RFC 7435), in clear where it cannot
    ENCRYPTED = 1  # TLS 1.2 or newer, peer not authenticated
    VERIFIED = 2  # TLS 1.2 or newer, and the certificate names the host and chains to a trust anchor


class Proof(Enum):
    """What a peer has to prove about its certificate; a requirement may ask for several. The value is for people."""

    WEBPKI = "webpki"  # a chain to a trust anchor, and the host's name; OpenSSL checks it in the handshake
    DANE = "dane"  # the host's own signed TLSA records; checked after the handshake
    PIN = "pin"  # the public key that the operator wrote down; checked after the handshake
