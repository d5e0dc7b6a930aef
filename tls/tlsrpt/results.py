"""What a session counts as in a report: the policy that applied, and the type of its failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tls.dane.verify import DaneState
from tls.failures import TlsFailure
from tls.mta_sts.trouble import Trouble
from tls.published import Published


class PolicyType(Enum):
    """RFC 8460 section 4.4, `policy-type`."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class ResultType(Enum):
    """RFC 8460 section 4.3."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


RESULTS: Final[Mapping[TlsFailure, ResultType | None]] = {  # None: our own rule, which is not the domain's business
    TlsFailure.NOT_OFFERED: ResultType.STARTTLS_NOT_SUPPORTED,
    TlsFailure.STARTTLS_REFUSED: ResultType.STARTTLS_NOT_SUPPORTED,
    TlsFailure.STARTTLS_DEFERRED: ResultType.STARTTLS_NOT_SUPPORTED,
    TlsFailure.INJECTED: ResultType.VALIDATION_FAILURE,
    TlsFailure.BROKEN_HANDSHAKE: ResultType.VALIDATION_FAILURE,
    TlsFailure.OLD_VERSION: ResultType.VALIDATION_FAILURE,
    TlsFailure.EXPIRED: ResultType.CERTIFICATE_EXPIRED,
    TlsFailure.NOT_YET_VALID: ResultType.CERTIFICATE_NOT_TRUSTED,
    TlsFailure.SELF_SIGNED: ResultType.CERTIFICATE_NOT_TRUSTED,
    TlsFailure.WRONG_NAME: ResultType.CERTIFICATE_HOST_MISMATCH,
    TlsFailure.UNKNOWN_CA: ResultType.CERTIFICATE_NOT_TRUSTED,
    TlsFailure.UNTRUSTED: ResultType.CERTIFICATE_NOT_TRUSTED,
    TlsFailure.UNVOUCHED_MX: None,
    TlsFailure.TLSA_MISMATCH: ResultType.TLSA_INVALID,
    TlsFailure.TLSA_UNKNOWN: ResultType.DNSSEC_INVALID,
    TlsFailure.DANE_MISSING: ResultType.DANE_REQUIRED,
    TlsFailure.STS_UNLISTED: ResultType.VALIDATION_FAILURE,  # RFC 8460 has no type for it; the reason code says which
    TlsFailure.STS_UNKNOWN: ResultType.STS_POLICY_FETCH_ERROR,
    TlsFailure.PIN_MISMATCH: None,
}
TROUBLES: Final[Mapping[Trouble, ResultType | None]] = {
    Trouble.RECORD: None,
    Trouble.FETCH: ResultType.STS_POLICY_FETCH_ERROR,
    Trouble.INVALID: ResultType.STS_POLICY_INVALID,
    Trouble.WEBPKI: ResultType.STS_WEBPKI_INVALID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPolicy:
    """The policy that a session was judged by.

    domain: it is published for (RFC 8460 section 1.1: for DANE the TLSA base domain). strings: `policy-string`, each
    TLSA record or each line of the MTA-STS policy. mx_hosts: the patterns of that policy.
    """

    type: PolicyType
    domain: str
    strings: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()


def applied_policy(domain: str, published: Published) -> AppliedPolicy:
    """The policy that counts at a host: DANE, or MTA-STS in whatever mode, or none."""
    dane, policy = published.dane, published.sts.policy
    if dane.state is DaneState.USABLE:
        return AppliedPolicy(
            type=PolicyType.TLSA, domain=dane.base, strings=tuple(str(record) for record in dane.records)
        )
    if policy is not None:
        return AppliedPolicy(type=PolicyType.STS, domain=domain, strings=policy.lines, mx_hosts=policy.mx)
    return AppliedPolicy(type=PolicyType.NONE, domain=domain)
