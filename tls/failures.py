"""Why a next hop gave no TLS, or none that counts: each reason, its words, and whether it may be an accident."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """words: for sender and audit log, after the name of the host. is_definitive: trying again cannot help today."""

    words: str
    is_definitive: bool


class TlsFailure(Enum):
    """A reason; the value is its name in the audit log. Each maps to one result type of RFC 8460 section 4.3."""

    NOT_OFFERED = "not-offered"
    STARTTLS_REFUSED = "starttls-refused"
    STARTTLS_DEFERRED = "starttls-deferred"
    INJECTED = "injected"
    BROKEN_HANDSHAKE = "broken-handshake"
    OLD_VERSION = "old-version"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    WRONG_NAME = "wrong-name"
    UNKNOWN_CA = "unknown-ca"
    UNTRUSTED = "untrusted"
    UNVOUCHED_MX = "unvouched-mx"
    TLSA_MISMATCH = "tlsa-mismatch"
    TLSA_UNKNOWN = "tlsa-unknown"
    DANE_MISSING = "dane-missing"
    STS_UNLISTED = "sts-unlisted"
    STS_UNKNOWN = "sts-unknown"
    PIN_MISMATCH = "pin-mismatch"

    @property
    def words(self) -> str:
        return MEANINGS[self].words

    @property
    def is_definitive(self) -> bool:
        return MEANINGS[self].is_definitive


MEANINGS: Final = {
    TlsFailure.NOT_OFFERED: Meaning("offers no TLS", is_definitive=True),
    TlsFailure.STARTTLS_REFUSED: Meaning("offers TLS but refuses to start it", is_definitive=True),
    TlsFailure.STARTTLS_DEFERRED: Meaning("cannot start TLS at the moment", is_definitive=False),
    TlsFailure.INJECTED: Meaning("sent clear text where only TLS may follow", is_definitive=False),
    TlsFailure.BROKEN_HANDSHAKE: Meaning("broke off while TLS was being set up", is_definitive=False),
    TlsFailure.OLD_VERSION: Meaning("speaks no TLS version and cipher that is safe", is_definitive=True),
    TlsFailure.EXPIRED: Meaning("has an expired certificate", is_definitive=True),
    TlsFailure.NOT_YET_VALID: Meaning("has a certificate that is not valid yet", is_definitive=True),
    TlsFailure.SELF_SIGNED: Meaning("has a self-signed certificate", is_definitive=True),
    TlsFailure.WRONG_NAME: Meaning("has a certificate for another name", is_definitive=True),
    TlsFailure.UNKNOWN_CA: Meaning("has a certificate of an unknown authority", is_definitive=True),
    TlsFailure.UNTRUSTED: Meaning("has a certificate that cannot be trusted", is_definitive=True),
    TlsFailure.UNVOUCHED_MX: Meaning("is named by nothing but unsigned DNS", is_definitive=True),
    TlsFailure.TLSA_MISMATCH: Meaning(
        "has a certificate that its signed TLSA records do not name", is_definitive=False
    ),
    TlsFailure.TLSA_UNKNOWN: Meaning("has TLSA records that could not be looked up", is_definitive=False),
    TlsFailure.DANE_MISSING: Meaning("has no usable TLSA records, which its route asks for", is_definitive=False),
    TlsFailure.STS_UNLISTED: Meaning("is not among the hosts of the domain's MTA-STS policy", is_definitive=False),
    TlsFailure.STS_UNKNOWN: Meaning(
        "belongs to a domain whose MTA-STS policy could not be looked up", is_definitive=False
    ),
    TlsFailure.PIN_MISMATCH: Meaning("has another public key than its route pins", is_definitive=False),
}

# What is wrong with a certificate, as against having no TLS at all.
OF_CERTIFICATE: Final = frozenset(
    {
        TlsFailure.EXPIRED,
        TlsFailure.NOT_YET_VALID,
        TlsFailure.SELF_SIGNED,
        TlsFailure.WRONG_NAME,
        TlsFailure.UNKNOWN_CA,
        TlsFailure.UNTRUSTED,
    }
)
# What contradicts something published or configured: never an accident of ours, perhaps an attack.
MISMATCHES: Final = frozenset(
    {TlsFailure.TLSA_MISMATCH, TlsFailure.DANE_MISSING, TlsFailure.STS_UNLISTED, TlsFailure.PIN_MISMATCH}
)
# What an attacker can fake by editing the clear text before TLS: a downgrade where TLS was seen before (TL-07).
STRIPPABLE: Final = frozenset({TlsFailure.NOT_OFFERED, TlsFailure.STARTTLS_REFUSED})
