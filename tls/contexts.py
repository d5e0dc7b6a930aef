"""TLS settings for outbound sessions, as NIST SP 800-52r2 has them; built once, because each costs about 0.2 s."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tls.certificates import Witness
from tls.levels import Proof, TlsLevel

CIPHERS: Final = "ECDHE+AESGCM"  # NIST SP 800-52r2 section 3.3.1, TLS 1.2; those of TLS 1.3 are all AEAD


@dataclass(frozen=True, slots=True)
class Contexts:
    """One context per kind of proof. Both speak TLS 1.2 and 1.3 only."""

    verified: ssl.SSLContext  # chain to a trust anchor and host name, by OpenSSL
    unauthenticated: ssl.SSLContext  # RFC 7435: any certificate will do

    def at(self, level: TlsLevel) -> ssl.SSLContext:
        """The context that proves what a level asks."""
        return self.verified if level is TlsLevel.VERIFIED else self.unauthenticated

    def proving(self, proofs: frozenset[Proof]) -> ssl.SSLContext:
        """The context for a requirement's proofs; what OpenSSL does not check is checked by `tls.peer` afterwards."""
        return self.verified if Proof.WEBPKI in proofs else self.unauthenticated


def build_contexts(ca_file: Path | None = None) -> Contexts:
    """Make both contexts.

    ca_file: extra trust anchors in PEM, beside the system's (`delivery.ca_file`).
    Raises: OSError or ssl.SSLError when it cannot be read.
    """
    verified = _harden(ssl.create_default_context(ssl.Purpose.SERVER_AUTH))
    if ca_file is not None:
        verified.load_verify_locations(cafile=ca_file)
    verified.sslobject_class = Witness
    unauthenticated = _harden(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    unauthenticated.check_hostname = False
    unauthenticated.verify_mode = ssl.CERT_NONE
    return Contexts(verified=verified, unauthenticated=unauthenticated)


def build_policy_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context for HTTPS hosts of MTA-STS policies and TLS reports: chain to a trust anchor, and host name.

    One of its own: the HTTP client sets ALPN on it, which no SMTP session should offer.
    ca_file: extra trust anchors in PEM, beside the system's. Raises: OSError or ssl.SSLError when it cannot be read.
    """
    context = _harden(ssl.create_default_context(ssl.Purpose.SERVER_AUTH))
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _harden(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # NIST SP 800-52r2 section 3.1; RFC 8996
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context
