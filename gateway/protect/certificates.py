"""Recipients' OpenPGP certificates: within which size they are read at all, and what is told of them (CR-01)."""

from datetime import datetime
from typing import Final

from gateway.protect.errors import CertificateError
from gateway.protect.facts import CertificateFacts
from gateway.protect.rfc9580 import judge
from gateway.protect.rfc9580.judge import Judged

MAX_OCTETS: Final = 32_768  # of one certificate; it travels to the sealer with every message


def read_certificate(data: bytes, *, now: datetime) -> CertificateFacts:
    """Read one binary certificate, as `split_certificates` gives it.

    now: aware; decides expiry.
    Raises: CertificateError when it is no certificate that can be read at all; one that may not be used has `why_not`.
    """
    return open_certificate(data, now=now).facts


def open_certificate(data: bytes, *, now: datetime) -> Judged:
    """As `read_certificate`, with the keys to encrypt to."""
    return judge.judge(_within_limit(data), now=now)


def revocations(data: bytes) -> frozenset[str]:
    """What of a certificate its primary key has revoked: subkeys and user ids, by name, and itself.

    Raises: CertificateError.
    """
    return judge.revoked_parts(_within_limit(data))


def _within_limit(data: bytes) -> bytes:
    if len(data) > MAX_OCTETS:
        raise CertificateError("too large; export it with `gpg --export-options export-minimal --export`")
    return data
