"""A certificate as it stands there, and what its owner said in it (RFC 9580 section 10.1). What may be used: `judge`.

Only what the primary key signed counts: a user id, an end or a subkey without such a signature could have been added by
anyone. In version 6 a direct signature says what the primary key is for and until when, in version 4 those and
the certifications of user ids. Revocation by another key (section 5.2.3.23, deprecated) is not looked at.

Copies are put together by appending, so a part may stand there twice, and a revocation anywhere: nothing but its
signature tells what it is about.
"""

import functools
import hashlib
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.protect.armour import bodies
from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580.fields import PUBLIC_KEY, SIGNATURE, SUBKEY, USER_ID
from gateway.protect.rfc9580.keys import PublicKey, parse_key
from gateway.protect.rfc9580.signatures import WEAK, Kind, Signature, parse_signature, user_id_content, verifies

MARKER, TRUST, ATTRIBUTE, PADDING = 10, 12, 17, 21  # packets that change nothing (sections 5.8, 5.10, 5.12, 5.14)
IGNORED: Final = frozenset({MARKER, TRUST, PADDING})
LAST_CRITICAL: Final = 39  # section 4.3
SEIPD_2: Final = 0x08  # a feature, section 5.2.3.32
CLOCKS_DIFFER: Final = timedelta(minutes=30)  # as Sequoia has it
MAX_TRIES: Final = 20_000  # of a revocation with a part: more than 32 KiB of honest packets give
WHEREVER: Final = frozenset({Kind.SUBKEY_REVOCATION, Kind.CERTIFICATION_REVOCATION})


@dataclass(frozen=True, slots=True)
class Part:
    """A subkey or user id, and the signatures behind it. content: what they are computed over, with the primary key."""

    content: bytes = field(repr=False)
    signatures: list[Signature] = field(repr=False)
    key: PublicKey | None = None
    user_id: bytes = b""

    @property
    def name(self) -> str:
        return self.key.fingerprint if self.key else hashlib.sha256(self.user_id).hexdigest()


@dataclass(frozen=True, slots=True)
class Certificate:
    """direct: the signatures about the primary key. revoking: those that take back a subkey or user id, or say so.

    No two parts have the same content.
    """

    primary: PublicKey
    direct: list[Signature] = field(repr=False)
    revoking: list[Signature] = field(repr=False)
    parts: list[Part] = field(repr=False)

    @property
    def is_revoked(self) -> bool:
        return bool(self.made(Kind.KEY_REVOCATION, is_weak_enough=True))

    def made(self, kind: Kind, part: Part | None = None, *, is_weak_enough: bool = False) -> list[Signature]:
        """The primary key's own signatures of a kind. is_weak_enough: with SHA-1 too, in version 4."""
        content = self.primary.signed + (part.content if part else b"")
        where = self.revoking if kind in WHEREVER else part.signatures if part else self.direct
        of_kind = [one for one in where if one.kind == kind]
        return [one for one in of_kind if verifies(self.primary, one, content, is_weak_enough=is_weak_enough)]

    def is_taken_back(self, part: Part) -> bool:
        """Whether the owner has revoked a subkey or user id; nothing brings it back."""
        kind = Kind.SUBKEY_REVOCATION if part.key else Kind.CERTIFICATION_REVOCATION
        return bool(self.made(kind, part, is_weak_enough=True))

    def says_of_primary(self, now: datetime) -> Signature | None:
        """What the owner says the primary key is for, and until when; None when nothing does.

        In version 4, where a direct signature and the certifications may both tell: what the newer one leaves out, the
        other says; the earlier end counts, and it is for what both allow.
        """
        withdrawn_at = [one.created_at for one in self.made(Kind.CERTIFICATION_REVOCATION, is_weak_enough=True)]
        direct = [one for one in self._all(Kind.DIRECT_KEY) if all(one.created_at > at for at in withdrawn_at)]
        if self.primary.version == 6:
            return _newest(direct, now)
        of_each = [_newest(self._all(Kind.CERTIFICATION, part), now) for part in self._user_ids()]
        told = [one for one in (_newest(direct, now), _of_user_ids([one for one in of_each if one])) if one]
        return _together(sorted(told, key=lambda one: one.created_at))

    def subkeys(self, now: datetime) -> list[tuple[PublicKey, Signature]]:
        """Each that was not revoked, with its newest binding."""
        alive = [part for part in self.parts if part.key and not self.is_taken_back(part)]
        bound = [(part.key, _newest(self._all(Kind.SUBKEY_BINDING, part), now)) for part in alive]
        return [(key, says) for key, says in bound if key and says]

    def user_ids(self, now: datetime) -> list[str]:
        """Those that the owner certified and did not take back."""
        certified = [part for part in self._user_ids() if _newest(self._all(Kind.CERTIFICATION, part), now)]
        return [part.user_id.decode("utf-8", "replace") for part in certified]

    def is_signed_with_sha1(self) -> bool:
        """Whether at least that is there, in version 4."""
        return any(self.made(Kind.CERTIFICATION, part, is_weak_enough=True) for part in self._user_ids())

    def _all(self, kind: Kind, part: Part | None = None) -> list[Signature]:
        """As `made`, and those of them that are weak."""
        strong, where = self.made(kind, part), part.signatures if part else self.direct
        if not strong or not any(one.hash_id in WEAK for one in where):
            return strong
        weak = [one for one in self.made(kind, part, is_weak_enough=True) if one.hash_id in WEAK and one.is_clear]
        return strong + weak

    def _user_ids(self) -> list[Part]:
        return [part for part in self.parts if part.key is None and not self.is_taken_back(part)]


def read_packets(data: bytes) -> Certificate:
    """One binary certificate. Raises: CertificateError when it is none, or its primary key is damaged."""
    packets = iter(bodies(data))
    kind, body = next(packets, (0, b""))
    if kind != PUBLIC_KEY:
        raise CertificateError("not an OpenPGP certificate")
    read = Certificate(parse_key(body), [], [], [])
    signatures, known = read.direct, dict[bytes, list[Signature]]()
    for kind, body in packets:
        if kind == SIGNATURE:
            if (one := parse_signature(body)) is not None:
                _home(read, one, signatures).append(one)
        elif kind in (SUBKEY, USER_ID, ATTRIBUTE):
            signatures = []
            if (part := _part(kind, body, read.primary.version, signatures)) is not None:
                signatures = known.setdefault(part.content, signatures)
                if signatures is part.signatures:
                    read.parts.append(part)
        elif kind <= LAST_CRITICAL and kind not in IGNORED:
            raise CertificateError("not an OpenPGP certificate that we can read")
    if len(read.revoking) * len(read.parts) > MAX_TRIES:
        raise CertificateError("it has too many parts and revocations")
    return read


def end_of(key: PublicKey, says: Signature | None) -> datetime | None:
    """When a key expires; None: never."""
    return key.created_at + says.key_lifetime if says and says.key_lifetime else None


def is_to_come(at: datetime, now: datetime) -> bool:
    """Whether a time is one that no clock has yet."""
    return at > now + CLOCKS_DIFFER


def reads_seipd_2(primary: PublicKey, says: Signature) -> bool:
    """Whether its owner's programs do. Who has a key of version 6 and tells nothing does too (section 13.7)."""
    return primary.version == 6 if says.features is None else bool(says.features & SEIPD_2)


def _home(read: Certificate, one: Signature, here: list[Signature]) -> list[Signature]:
    """Where a signature belongs, by its kind. here: what stands before it."""
    if one.kind in (Kind.DIRECT_KEY, Kind.KEY_REVOCATION):
        return read.direct
    return read.revoking if one.kind in WHEREVER else here


def _part(kind: int, body: bytes, version: int, signatures: list[Signature]) -> Part | None:
    """None for what we do not use. version: of the primary key; every subkey has the same (section 10.1)."""
    if kind == USER_ID:
        return Part(user_id_content(body), signatures, user_id=body)
    try:
        key = parse_key(body) if kind == SUBKEY else None
    except CertificateError:
        return None
    return Part(key.signed, signatures, key=key) if key and key.version == version else None


def _newest(signatures: Iterable[Signature], now: datetime) -> Signature | None:
    """Of those made by now, unless it has expired; of several of one second all.

    A newer one that is weak gives nothing, and may take away: GnuPG believes it.
    """
    made = [one for one in signatures if not is_to_come(one.created_at, now)]
    latest = _latest([one for one in made if one.hash_id not in WEAK])
    if not latest:
        return None
    weak = _latest([one for one in made if one.hash_id in WEAK and one.created_at >= latest[0].created_at])
    told = [*weak, *latest]
    has_ended = any(one.expires_at is not None and one.expires_at <= now for one in told)
    return None if has_ended else _together(told)


def _latest(signatures: Sequence[Signature]) -> list[Signature]:
    at = max((one.created_at for one in signatures), default=None)
    return [one for one in signatures if one.created_at == at]


def _of_user_ids(told: Sequence[Signature]) -> Signature | None:
    """What the newest of them says, and when it tells no end, the newest that does: as GnuPG has it."""
    newest, ending = _together(_latest(told)), _together(_latest([one for one in told if one.key_lifetime]))
    if newest is None or newest.key_lifetime or ending is None:
        return newest
    return replace(newest, key_lifetime=ending.key_lifetime)


def _together(told: Sequence[Signature]) -> Signature | None:
    """The last one, with what only others tell; the earliest end counts, and the key is for what all allow."""
    if not told:
        return None
    usages = [one.usage for one in told if one.usage is not None]
    lifetimes = [one.key_lifetime for one in told if one.key_lifetime]
    usage = functools.reduce(operator.and_, usages) if usages else None
    return replace(told[-1], usage=usage, key_lifetime=min(lifetimes, default=None))
