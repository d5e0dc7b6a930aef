"""What of a look-up's answer may be filed for an address. The bytes come from strangers: it runs in a sealer child."""

from datetime import datetime
from typing import Final

import msgspec

from gateway.protect.armour import split_certificates
from gateway.protect.certificates import read_certificate
from gateway.protect.errors import CertificateError
from gateway.protect.smime import judge

MAX_KEYS: Final = 4  # of one answer that are looked at


class Found(msgspec.Struct, frozen=True):
    """One key or certificate of the address. is_revoked: by its owner, so that it may only end the use of its like."""

    certificate: bytes
    fingerprint: str
    expires_at: datetime | None
    is_revoked: bool = False


def openpgp_in(answer: bytes, *, address: str, now: datetime) -> tuple[Found, ...]:
    """The OpenPGP keys that may be used for an address, all in lower case, and those that their owner revoked."""
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
        if address in facts.addresses and (facts.usable or facts.is_revoked):
            found.append(Found(data, facts.fingerprint, facts.expires_at, facts.is_revoked))
    return tuple(found)


def smime_in(answer: bytes, *, address: str, now: datetime) -> tuple[Found, ...]:
    """The S/MIME certificate in DER, when it may be used for the address."""
    try:
        facts = judge.read_certificate(answer, now=now)
    except CertificateError:
        return ()
    if facts.why_not or address not in facts.addresses:
        return ()
    return (Found(answer, facts.fingerprint, facts.expires_at),)
