"""What of a look-up's answer may be filed for an address. The bytes come from strangers: it runs in a sealer child."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from gateway.protect.armour import split_certificates
from gateway.protect.certificates import read_certificate, revocations
from gateway.protect.errors import CertificateError
from gateway.protect.facts import CertificateFacts
from gateway.protect.rfc9580.merge import merge
from gateway.protect.smime import judge
from gateway.store.certificates import Age

MAX_KEYS: Final = 4  # of one answer that are looked at


class Found(msgspec.Struct, frozen=True):
    """One key or certificate of the address. is_revoked: by its owner, so that it may only end the use of its like.

    age: beside the copy on file.
    """

    certificate: bytes
    fingerprint: str
    expires_at: datetime | None
    is_revoked: bool = False
    age: Age = Age.SAME


def openpgp_in(
    answer: bytes, *, address: str, now: datetime, on_file: Mapping[str, bytes] | None = None
) -> tuple[Found, ...]:
    """The OpenPGP keys that may be used for an address, all in lower case, and what their owner revoked.

    on_file: fingerprint to the copy that the address has. One that revokes more than that is given whether or not it
    may still be used, with what only the old one has; it is revoked as far as the address goes where it revokes the
    address's user id.
    """
    found: list[Found] = []
    try:
        parts = split_certificates(answer)[:MAX_KEYS]
    except CertificateError:
        return ()
    for data in parts:
        try:
            facts = read_certificate(data, now=now)
        except CertificateError:
            continue
        old = (on_file or {}).get(facts.fingerprint)
        age = age_of(data, old)
        if old is not None and age is Age.NEWER:
            data, facts = newer_copy(data, old, now=now)
        is_ours = address in facts.addresses
        if age is Age.NEWER or (is_ours and (facts.usable or facts.is_revoked)):
            found.append(Found(data, facts.fingerprint, facts.expires_at, facts.is_revoked or not is_ours, age))
    return tuple(found)


def newer_copy(copy: bytes, old: bytes, *, now: datetime) -> tuple[bytes, CertificateFacts]:
    """What takes the place of the old copy: the newer one, with what the owner says in the old one alone.

    A copy without user ids, as some servers give it, says nothing about the address: a user id that is missing was not
    taken back. Raises: CertificateError when one of them cannot be read.
    """
    try:
        whole = merge(copy, old)
        return whole, read_certificate(whole, now=now)
    except CertificateError:
        return copy, read_certificate(copy, now=now)


def age_of(copy: bytes, old: bytes | None) -> Age:
    """Of another copy of a key beside the old one; SAME without any, and where the old one cannot be read."""
    if old is None or old == copy:
        return Age.SAME
    try:
        new, before = revocations(copy), revocations(old)
    except CertificateError:
        return Age.SAME
    if not before <= new:
        return Age.OLDER
    return Age.NEWER if new != before else Age.SAME


def smime_in(answer: bytes, *, address: str, now: datetime) -> tuple[Found, ...]:
    """The S/MIME certificate in DER, when it may be used for the address."""
    try:
        facts = judge.read_certificate(answer, now=now)
    except CertificateError:
        return ()
    if facts.why_not or address not in facts.addresses:
        return ()
    return (Found(answer, facts.fingerprint, facts.expires_at),)
