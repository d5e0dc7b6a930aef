"""Which certificates that PGPy does not read we encrypt to, and why not (CR-01): version 6, and version 4 with the key
formats of RFC 9580.

Only what the primary key signed counts. In version 6 a direct signature says what the primary key is for and until when
(RFC 9580 section 10.1.1), in version 4 the newest of those and of the certifications of user ids. Revocation by another
key (section 5.2.3.23, deprecated) is not looked at.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.protect.armour import bodies
from gateway.protect.errors import CertificateError
from gateway.protect.facts import CertificateFacts, addresses_in, first_end, too_short
from gateway.protect.rfc9580 import keys
from gateway.protect.rfc9580.fields import PUBLIC_KEY, SIGNATURE, SUBKEY, USER_ID
from gateway.protect.rfc9580.keys import PublicKey, parse_key
from gateway.protect.rfc9580.session import is_able
from gateway.protect.rfc9580.signatures import (
    ENCRYPTION,
    SEIPD_2,
    Kind,
    Signature,
    parse_signature,
    user_id_content,
    verifies,
)

MARKER, TRUST, ATTRIBUTE, PADDING = 10, 12, 17, 21  # packets that change nothing (sections 5.8, 5.10, 5.12, 5.14)
IGNORED: Final = frozenset({MARKER, TRUST, PADDING})
LAST_CRITICAL: Final = 39  # section 4.3


@dataclass(frozen=True, slots=True)
class Judged:
    """keys: to encrypt to, empty unless usable. reads_seipd_2: whether its owner's programs do."""

    facts: CertificateFacts
    keys: tuple[PublicKey, ...]
    reads_seipd_2: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A subkey or user id, and the signatures behind it. content: what they are computed over, with the primary key."""

    content: bytes = field(repr=False)
    signatures: list[Signature] = field(repr=False)
    key: PublicKey | None = None
    user_id: bytes = b""

    @property
    def name(self) -> str:
        return self.key.fingerprint if self.key else hashlib.sha256(self.user_id).hexdigest()


@dataclass(frozen=True, slots=True)
class _Read:
    """A certificate as it stands there. direct: the signatures about the primary key."""

    primary: PublicKey
    direct: list[Signature]
    parts: list[_Part]

    def made(self, kind: Kind, part: _Part | None = None) -> list[Signature]:
        """The primary key's own signatures of a kind, newest first."""
        content = self.primary.signed + (part.content if part else b"")
        of_kind = [one for one in (part.signatures if part else self.direct) if one.kind == kind]
        good = [one for one in of_kind if verifies(self.primary, one, content)]
        return sorted(good, key=lambda one: one.created_at, reverse=True)


def judge(data: bytes, *, now: datetime) -> Judged:
    """Read one binary certificate and judge it. now: aware; decides expiry. Raises: CertificateError."""
    read = _read(data)
    says = _of_primary(read, now)
    subkeys = [(part.key, one) for part in read.parts if part.key and (one := _binding(read, part, now))]
    good = [(key, one) for key, one in subkeys if not _fault_of(key, one, now)]
    good.sort(key=lambda pair: pair[0].created_at, reverse=True)
    if not good and says is not None and not _fault_of(read.primary, says, now):
        good = [(read.primary, says)]
    is_revoked = bool(read.made(Kind.KEY_REVOCATION))
    why_not = "it was revoked by its owner" if is_revoked else _fault(read, says, subkeys, has_good=bool(good), now=now)
    chosen = [key for key, _ in good[:1]]
    facts = CertificateFacts(
        version=read.primary.version,
        fingerprint=read.primary.fingerprint,
        addresses=addresses_in(
            part.user_id.decode("utf-8", "replace") for part in read.parts if _is_valid(read, part, now)
        ),
        algorithm=(chosen[0] if chosen else read.primary).name,
        created_at=read.primary.created_at,
        expires_at=first_end(_end(read.primary, says) if says else None, [_end(key, one) for key, one in good]),
        why_not=why_not,
        is_revoked=is_revoked,
    )
    return Judged(facts, () if why_not else tuple(chosen), says is not None and _reads_seipd_2(read.primary, says))


def revoked_parts(data: bytes) -> frozenset[str]:
    """The subkeys and user ids that the primary key has revoked, by name. Raises: CertificateError."""
    read = _read(data)
    return frozenset(part.name for part in read.parts if _is_taken_back(read, part))


def key_for_seipd_2(data: bytes, fingerprint: str, *, now: datetime) -> PublicKey | None:
    """The key with this fingerprint in a certificate that was judged elsewhere; None unless its owner's programs read
    SEIPD version 2.
    """
    try:
        read = _read(data)
    except CertificateError:
        return None
    says = _of_primary(read, now)
    if says is None or not _reads_seipd_2(read.primary, says):
        return None
    found = (key for key in (read.primary, *(part.key for part in read.parts if part.key)) if is_able(key))
    return next((key for key in found if key.fingerprint == fingerprint), None)


def _read(data: bytes) -> _Read:
    packets = iter(bodies(data))
    kind, body = next(packets, (0, b""))
    if kind != PUBLIC_KEY:
        raise CertificateError("not an OpenPGP certificate")
    read = _Read(parse_key(body), [], [])
    signatures = read.direct
    for kind, body in packets:
        if kind == SIGNATURE:
            if (one := parse_signature(body)) is not None:
                signatures.append(one)
        elif kind in (SUBKEY, USER_ID, ATTRIBUTE):
            signatures = []
            if (part := _part(kind, body, read.primary.version, signatures)) is not None:
                read.parts.append(part)
        elif kind <= LAST_CRITICAL and kind not in IGNORED:
            raise CertificateError("not an OpenPGP certificate that we can read")
    return read


def _part(kind: int, body: bytes, version: int, signatures: list[Signature]) -> _Part | None:
    """None for what we do not use. version: of the primary key; every subkey has the same (section 10.1)."""
    if kind == USER_ID:
        return _Part(user_id_content(body), user_id=body, signatures=signatures)
    try:
        key = parse_key(body) if kind == SUBKEY else None
    except CertificateError:
        return None
    return _Part(key.signed, key=key, signatures=signatures) if key and key.version == version else None


def _of_primary(read: _Read, now: datetime) -> Signature | None:
    """What says what the primary key is for; None when nothing does."""
    found = read.made(Kind.DIRECT_KEY)
    if read.primary.version == 4:
        found += [one for part in _user_ids(read) for one in read.made(Kind.CERTIFICATION, part)]
    return max(_alive(found, now), key=lambda one: one.created_at, default=None)


def _binding(read: _Read, part: _Part, now: datetime) -> Signature | None:
    """A subkey's newest valid binding; None when it has none or was revoked."""
    if _is_taken_back(read, part):
        return None
    return next(iter(_alive(read.made(Kind.SUBKEY_BINDING, part), now)), None)


def _is_taken_back(read: _Read, part: _Part) -> bool:
    return bool(read.made(Kind.SUBKEY_REVOCATION if part.key else Kind.CERTIFICATION_REVOCATION, part))


def _is_valid(read: _Read, part: _Part, now: datetime) -> bool:
    """Whether it is a user id that the key certified and did not take back."""
    is_certified = part.key is None and bool(_alive(read.made(Kind.CERTIFICATION, part), now))
    return is_certified and not _is_taken_back(read, part)


def _user_ids(read: _Read) -> list[_Part]:
    return [part for part in read.parts if part.key is None and not _is_taken_back(read, part)]


def _alive(signatures: Iterable[Signature], now: datetime) -> list[Signature]:
    return [one for one in signatures if one.expires_at is None or one.expires_at > now]


def _end(key: PublicKey, says: Signature) -> datetime | None:
    return key.created_at + says.key_lifetime if says.key_lifetime else None


def _reads_seipd_2(primary: PublicKey, says: Signature) -> bool:
    """RFC 9580 section 13.7: who has a key of version 6 and tells nothing does too."""
    return primary.version == 6 if says.features is None else bool(says.features & SEIPD_2)


def _fault(
    read: _Read, says: Signature | None, subkeys: list[tuple[PublicKey, Signature]], *, has_good: bool, now: datetime
) -> str:
    """The first reason not to use the certificate, or nothing."""
    if says is None:
        return "its key is not signed by itself with SHA-2"
    end = _end(read.primary, says)
    if end is not None and end <= now:
        return f"it expired on {end:%Y-%m-%d}"
    if (short := _too_short(read.primary)) or has_good:
        return short
    faults = [_fault_of(key, one, now) for key, one in subkeys if one.flags & ENCRYPTION]
    return faults[0] if faults else "it has no key for encryption"


def _fault_of(key: PublicKey, says: Signature, now: datetime) -> str:
    if not says.flags & ENCRYPTION:
        return "it has no key for encryption"
    end = _end(key, says)
    if end is not None and end <= now:
        return f"its encryption key expired on {end:%Y-%m-%d}"
    if short := _too_short(key):
        return short
    return "" if is_able(key) else f"its encryption key is of a kind that we cannot use ({key.name})"


def _too_short(key: PublicKey) -> str:
    return too_short(key.bits) if key.algorithm in keys.RSA else ""
