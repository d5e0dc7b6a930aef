"""What DANE says of a host, and whether a certificate chain is the one that it says."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tls.dane.chain import anchor_for_key, proves
from tls.dane.parse import Matching, Selector, Tlsa, Usage
from tls.unreadable import UNREADABLE

CHAIN_LIMIT: Final = 16  # certificates looked at


class DaneState(Enum):
    """What the look-up came to; the value is the word in the audit log."""

    NONE = "none"  # no records, or a zone that is not signed: DANE does not apply and is not claimed
    FAILED = "failed"  # DNS did not answer, or its answer was forged: the host is not used now (RFC 7672 section 2.1.2)
    UNUSABLE = "unusable"  # TLS is required, authentication by DANE impossible (RFC 7672 section 2.2)
    USABLE = "usable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dane:
    """The finding for one host and port.

    base: TLSA base domain, also the name for SNI (RFC 7672 section 8.1); empty for NONE and FAILED.
    names: reference identifiers for usage 2, A-labels. records: the usable ones. why: in words, for a requirement.
    """

    state: DaneState
    base: str = ""
    names: tuple[str, ...] = ()
    records: tuple[Tlsa, ...] = ()
    why: str = ""


NO_DANE: Final = Dane(state=DaneState.NONE)


def match_chain(dane: Dane, chain: Sequence[bytes], *, now: datetime) -> Tlsa | None:
    """Find the record that authenticates a server.

    chain: DER certificates as the server sent them, its own first. now: aware.
    Returns: the first record that matches, None when none does. Certificates that cannot be read match nothing.
    Source: RFC 7672 section 3.1.1: usage 3 looks at the server's own certificate only, not at its names or dates;
    section 3.1.2 and 3.2: usage 2 needs a valid path to the anchor and a name in the certificate.
    """
    chain = chain[:CHAIN_LIMIT]
    for record in dane.records:
        if record.usage == Usage.DANE_EE and chain and _is_named(record, chain[0]):
            return record
        if record.usage == Usage.DANE_TA and _is_anchored(record, chain, dane.names, now):
            return record
    return None


def _is_named(record: Tlsa, der: bytes) -> bool:
    """Whether a record names this certificate (RFC 6698 sections 2.1.2 and 2.1.3)."""
    selected = der if record.selector == Selector.CERT else public_key(der)
    if selected is None:
        return False
    match record.matching:
        case Matching.FULL:
            return selected == record.data
        case Matching.SHA2_256:
            return hashlib.sha256(selected).digest() == record.data
        case Matching.SHA2_512:
            return hashlib.sha512(selected).digest() == record.data
    return False


def _is_anchored(record: Tlsa, chain: Sequence[bytes], names: Sequence[str], now: datetime) -> bool:
    """Whether the chain leads to an anchor that the record names, sent by the server or held by the record itself.

    The server's own certificate is no anchor: it would be one for itself (RFC 7671 section 5.2: an issuer).
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        if not certificates:
            return False
        anchors = [
            found for found, der in zip(certificates[1:], chain[1:], strict=True) if _is_named(record, der)
        ] or _held_anchors(record, certificates)
        return any(proves(certificates, anchor, names, now=now) for anchor in anchors)
    except UNREADABLE:
        return False


def _held_anchors(record: Tlsa, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Anchors of a record of matching type 0 that the server did not send (RFC 7671 section 5.2.2)."""
    if record.matching != Matching.FULL:
        return []
    if record.selector == Selector.CERT:
        return [x509.load_der_x509_certificate(record.data)]
    key = load_der_public_key(record.data)
    return [anchor_for_key(key, issued) for issued in certificates]


def public_key(der: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a certificate; None when it cannot be read."""
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except UNREADABLE:
        return None
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
