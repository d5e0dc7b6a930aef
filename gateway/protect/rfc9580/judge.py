"""Which certificates we encrypt to, and why not (CR-01)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.protect.facts import CertificateFacts, addresses_in, first_end, too_short
from gateway.protect.rfc9580 import keys, signatures
from gateway.protect.rfc9580.certificate import Certificate, end_of, is_to_come, read_packets, reads_seipd_2
from gateway.protect.rfc9580.keys import PublicKey
from gateway.protect.rfc9580.session import is_able
from gateway.protect.rfc9580.signatures import ENCRYPTION, Signature

Bound = tuple[PublicKey, Signature]  # a key, and what its newest valid self-signature says of it


@dataclass(frozen=True, slots=True)
class Judged:
    """keys: to encrypt to, empty unless usable. reads_seipd_2: whether its owner's programs do."""

    facts: CertificateFacts
    keys: tuple[PublicKey, ...]
    reads_seipd_2: bool


def judge(data: bytes, *, now: datetime) -> Judged:
    """Read one binary certificate and judge it. now: aware; decides expiry. Raises: CertificateError."""
    read = read_packets(data)
    primary, says, subkeys = read.primary, read.says_of_primary(now), read.subkeys(now)
    good = [bound for bound in subkeys if not _fault_of(*bound, now)]
    good.sort(key=lambda bound: bound[0].created_at, reverse=True)
    if not good and says is not None and not _fault_of(primary, says, now):
        good = [(primary, says)]
    why_not = _fault(read, says, subkeys, good, now)
    chosen = tuple(key for key, _ in good[:1])
    facts = CertificateFacts(
        version=primary.version,
        fingerprint=primary.fingerprint,
        addresses=addresses_in(read.user_ids(now)),
        algorithm=(chosen[0] if chosen else primary).name,
        created_at=primary.created_at,
        expires_at=first_end(end_of(primary, says), [end_of(*bound) for bound in good]),
        why_not=why_not,
        is_revoked=read.is_revoked,
    )
    return Judged(facts, () if why_not else chosen, says is not None and reads_seipd_2(primary, says))


def revoked_parts(data: bytes) -> frozenset[str]:
    """The subkeys and user ids that the primary key has revoked, by name, and itself. Raises: CertificateError."""
    read = read_packets(data)
    names = {part.name for part in read.parts if read.is_taken_back(part)}
    return frozenset(names | {read.primary.fingerprint} if read.is_revoked else names)


def _fault(
    read: Certificate, says: Signature | None, subkeys: Sequence[Bound], good: Sequence[Bound], now: datetime
) -> str:
    """The first reason not to use the certificate, or nothing."""
    primary = read.primary
    if read.is_revoked:
        return "it was revoked by its owner"
    if not signatures.is_able(primary):
        return f"its key is of a kind that we cannot use ({primary.name})"
    if says is None:
        return _why_unsigned(read)
    if is_to_come(primary.created_at, now):
        return f"it begins only on {primary.created_at:%Y-%m-%d}"
    end = end_of(primary, says)
    if end is not None and end <= now:
        return f"it expired on {end:%Y-%m-%d}"
    if (short := rsa_too_short(primary)) or good:
        return short
    faults = [_fault_of(*bound, now) for bound in subkeys if bound[1].flags & ENCRYPTION]
    return faults[0] if faults else "it has no key for encryption"


def _why_unsigned(read: Certificate) -> str:
    if read.primary.version == 6:
        return "its key is not signed by itself"
    return "its self-signatures use SHA-1 only" if read.is_signed_with_sha1() else "no user id is signed by its own key"


def _fault_of(key: PublicKey, says: Signature, now: datetime) -> str:
    if not says.flags & ENCRYPTION:
        return "it has no key for encryption"
    if is_to_come(key.created_at, now):
        return f"its encryption key begins only on {key.created_at:%Y-%m-%d}"
    end = end_of(key, says)
    if end is not None and end <= now:
        return f"its encryption key expired on {end:%Y-%m-%d}"
    if short := rsa_too_short(key):
        return short
    return "" if is_able(key) else f"its encryption key is of a kind that we cannot use ({key.name})"


def rsa_too_short(key: PublicKey) -> str:
    """The fault of an RSA key that is, or nothing."""
    return too_short(key.bits) if key.algorithm in keys.RSA else ""
