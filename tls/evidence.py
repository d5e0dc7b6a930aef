"""What is known of the TLS session that carried a message: kept in the audit event of the attempt."""

from dataclasses import dataclass

from tls.levels import TlsLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsEvidence:
    """version, cipher: as OpenSSL names them, such as `TLSv1.3` and `TLS_AES_256_GCM_SHA384`.

    fingerprint: SHA-256 of the peer's certificate (DER), lower-case hex.
    verification: how far the peer is authenticated, in words: `webpki, host configured`, `webpki, MX unsigned`,
    `dane 3 1 1, MX signed`, `unauthenticated`.
    chain: SHA-256 of the certificates that it sent behind its own, in their order; nothing says that they belong to it.
    """

    level: TlsLevel
    version: str
    cipher: str
    fingerprint: str
    verification: str
    chain: tuple[str, ...] = ()
