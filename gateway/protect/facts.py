"""What is told of an OpenPGP certificate, whoever read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.message.address import AddressError, parse_address

MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate is good for.

    version: 4 or 6. fingerprint: upper-case hexadecimal. addresses: of its valid user ids, lower case. expires_at: of
    the certificate or of its last encryption key, whichever is first; None when never. why_not: a sentence without a
    final stop, empty when usable.
    """

    version: int
    fingerprint: str
    addresses: tuple[str, ...]
    algorithm: str
    created_at: datetime
    expires_at: datetime | None
    why_not: str
    is_revoked: bool = False

    @property
    def key_id(self) -> str:
        """Sixteen digits (RFC 9580 section 5.5.4)."""
        return self.fingerprint[:16] if self.version == 6 else self.fingerprint[-16:]

    @property
    def usable(self) -> bool:
        return not self.why_not


def addresses_in(user_ids: Iterable[str]) -> tuple[str, ...]:
    """The addresses of user ids, in lower case, each once: `Name <address>` or the address alone."""
    found: list[str] = []
    for text in user_ids:
        inside = text.rpartition("<")[2].removesuffix(">") if text.endswith(">") else text
        try:
            found.append(parse_address(inside.strip()).lower())
        except AddressError:
            continue
    return tuple(dict.fromkeys(found))


def first_end(primary: datetime | None, encryption: Iterable[datetime | None]) -> datetime | None:
    """When a certificate ends: the primary key, or the last of the keys for encryption; None when never."""
    ends = list(encryption)
    last = None if None in ends else max((end for end in ends if end is not None), default=None)
    return min((end for end in (primary, last) if end is not None), default=None)


def too_short(bits: int) -> str:
    """The fault of an RSA or DSA key of so many bits, or nothing."""
    return f"its key has {bits} bits; at least {MIN_RSA_BITS} are needed" if bits < MIN_RSA_BITS else ""
