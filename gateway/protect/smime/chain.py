"""From a recipient's certificate to a trust anchor (RFC 5280 section 6), by names, signatures and constraints.

`cryptography`'s own verifier judges by the rules of the web; it refuses much that mail lives with, and knows no
mail addresses in name constraints. Any certificate that the operator calls an anchor is one, self-signed or not.
"""

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.protect.errors import CertificateError
from gateway.protect.smime.judge import (
    WHAT_X509_RAISES,
    addresses,
    common_faults,
    extension,
    is_authority,
    load,
    signature_fault,
)

MAX_PATH: Final = 8  # certificates above the recipient's
MAX_TRIES: Final = 200  # chains that one search looks at: cross-signed issuers can be many


class NoPath(Exception):
    """There is no chain to an anchor; the text says why in words, without a final stop."""


def find_path(certificate: bytes, issuers: Iterable[bytes], anchors: Iterable[bytes], *, now: datetime) -> list[bytes]:
    """Find issuers from the certificate's own up to an anchor.

    certificate, issuers, anchors: DER; what cannot be read among the latter two is passed over.
    Returns: the issuers in order, the last an anchor; empty when the certificate is itself an anchor.
    Raises: NoPath; CertificateError when the certificate cannot be read.
    """
    trusted = set(anchors)
    if certificate in trusted:
        return []
    pool = _by_subject({*trusted, *issuers})
    reason = "its issuer is not known"
    for path in islice(_paths(certificate, pool, trusted), MAX_TRIES):
        if path[-1] in trusted:
            if not (fault := path_fault(path[0], path[1:], now=now)):
                return path[1:]
            reason = fault
    raise NoPath(reason)


def _paths(
    certificate: bytes, pool: Mapping[bytes, Sequence[bytes]], trusted: Container[bytes]
) -> Iterator[list[bytes]]:
    """Every chain whose signatures verify, shortest first; an anchor ends it.

    A weak signature is let through, unverified, so that `path_fault` names it as the reason.
    """
    waiting = deque([[certificate]])
    while waiting:
        path = waiting.popleft()
        last = load(path[-1])
        for data in pool.get(last.issuer.public_bytes(), ()):
            if data in path or len(path) > MAX_PATH:
                continue
            if signature_fault(last) or _is_issued_by(last, load(data)):
                yield [*path, data]
                if data not in trusted:
                    waiting.append([*path, data])


def _by_subject(certificates: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    pool: dict[bytes, list[bytes]] = {}
    for data in certificates:
        try:
            pool.setdefault(load(data).subject.public_bytes(), []).append(data)
        except (CertificateError, *WHAT_X509_RAISES):
            continue
    return pool


def path_fault(certificate: bytes, path: Sequence[bytes], *, now: datetime) -> str:
    """Why a chain that ends in an anchor does not hold, or nothing. Raises: CertificateError when one cannot be read.

    path: issuers in order, the last an anchor.
    """
    if len(path) > MAX_PATH:
        return "its chain is too long"
    try:
        return next(_path_faults(load(certificate), [load(data) for data in path], now), "")
    except WHAT_X509_RAISES:
        raise CertificateError("its chain cannot be read") from None


def _path_faults(leaf: x509.Certificate, path: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    for issued, issuer in pairwise((leaf, *path)):
        if fault := signature_fault(issued):
            yield fault if issued is leaf else f"{_called(issued)}: {fault}"
        elif not _is_issued_by(issued, issuer):
            yield "its chain is broken"
    for below, issuer in enumerate(path):  # below: certificates of authorities between it and the recipient's
        name = _called(issuer)
        yield from (f"{name}: {fault}" for fault in common_faults(issuer, now))
        yield from (f"{name} {fault}" for fault in _authority_faults(issuer, leaf, below))


def _called(issuer: x509.Certificate) -> str:
    return f"its issuer {issuer.subject.rfc4514_string()[:80]!r}"


def _authority_faults(issuer: x509.Certificate, leaf: x509.Certificate, below: int) -> Iterator[str]:
    """RFC 5280 section 6.1.4 and 4.2.1.10; an authority's extended key usage bounds what it issues."""
    constraints = extension(issuer, x509.BasicConstraints)
    if not is_authority(issuer):
        yield "may not issue certificates"
    elif constraints is not None and constraints.path_length is not None and below > constraints.path_length:
        yield "may not issue certificates so far down"
    usage = extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        yield "may not sign certificates"
    purposes = extension(issuer, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and allowed.isdisjoint(purposes):
        yield "is not for mail"
    names = extension(issuer, x509.NameConstraints)
    if names is not None and not all(_is_within(address, names) for address in addresses(leaf)):
        yield "may not vouch for this address"


def _is_within(address: str, names: x509.NameConstraints) -> bool:
    """RFC 5280 section 4.2.1.10, rfc822Name. Other kinds of names are not what we believe a certificate for."""
    permitted = [name.value for name in names.permitted_subtrees or () if isinstance(name, x509.RFC822Name)]
    excluded = [name.value for name in names.excluded_subtrees or () if isinstance(name, x509.RFC822Name)]
    if any(_matches(address, pattern) for pattern in excluded):
        return False
    return not permitted or any(_matches(address, pattern) for pattern in permitted)


def _matches(address: str, pattern: str) -> bool:
    """pattern: a mailbox, a host, or a domain behind a dot for all hosts below it."""
    host, pattern = address.rpartition("@")[2], pattern.lower()
    if "@" in pattern:
        return address == pattern
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


def _is_issued_by(issued: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        issued.verify_directly_issued_by(issuer)
    except (InvalidSignature, *WHAT_X509_RAISES):
        return False
    return True
