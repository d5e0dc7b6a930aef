"""TL-29: what each failure of TL-01 to TL-26 is told a domain as, and under which of its policies."""

from dataclasses import replace
from typing import Final, NamedTuple

import pytest

from tests.tls.tlsrpt.test_report import DAY, DOMAIN, STS, TLSA, report
from tls.dane.verify import Dane, DaneState
from tls.failures import TlsFailure
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Sts
from tls.published import NOTHING, Published
from tls.tlsrpt.count import Peer, count_failure, count_trouble
from tls.tlsrpt.results import RESULTS, TROUBLES, applied_policy

ENFORCE: Final = replace(STS, mode=Mode.ENFORCE)
UNUSABLE: Final = Published(dane=Dane(state=DaneState.UNUSABLE, base="mx.company-y.example"))


def sts(policy: StsPolicy, trouble: Trouble | None = None) -> Published:
    return Published(sts=Sts(policy=policy, trouble=trouble))


class Told(NamedTuple):
    """published: at the host. seen: what went wrong. result, policy: words of the report."""

    published: Published
    seen: TlsFailure | Trouble
    result: str
    policy: str


CASES: Final = {
    "TL-01 no STARTTLS": Told(NOTHING, TlsFailure.NOT_OFFERED, "starttls-not-supported", "no-policy-found"),
    "TL-01 502": Told(NOTHING, TlsFailure.STARTTLS_REFUSED, "starttls-not-supported", "no-policy-found"),
    "TL-01 454": Told(NOTHING, TlsFailure.STARTTLS_DEFERRED, "starttls-not-supported", "no-policy-found"),
    "TL-01 garbage": Told(NOTHING, TlsFailure.BROKEN_HANDSHAKE, "validation-failure", "no-policy-found"),
    "TL-02": Told(NOTHING, TlsFailure.INJECTED, "validation-failure", "no-policy-found"),
    "TL-03 expired": Told(NOTHING, TlsFailure.EXPIRED, "certificate-expired", "no-policy-found"),
    "TL-03 not yet": Told(NOTHING, TlsFailure.NOT_YET_VALID, "certificate-not-trusted", "no-policy-found"),
    "TL-03 self-signed": Told(NOTHING, TlsFailure.SELF_SIGNED, "certificate-not-trusted", "no-policy-found"),
    "TL-03 name": Told(NOTHING, TlsFailure.WRONG_NAME, "certificate-host-mismatch", "no-policy-found"),
    "TL-03 unknown": Told(NOTHING, TlsFailure.UNKNOWN_CA, "certificate-not-trusted", "no-policy-found"),
    "TL-03 other": Told(NOTHING, TlsFailure.UNTRUSTED, "certificate-not-trusted", "no-policy-found"),
    "TL-04": Told(NOTHING, TlsFailure.OLD_VERSION, "validation-failure", "no-policy-found"),
    "TL-10": Told(sts(ENFORCE), TlsFailure.STS_UNLISTED, "validation-failure", "sts"),
    "TL-11": Told(sts(ENFORCE), TlsFailure.WRONG_NAME, "certificate-host-mismatch", "sts"),
    "TL-12": Told(sts(STS), TlsFailure.EXPIRED, "certificate-expired", "sts"),
    "TL-13 down, cached": Told(sts(ENFORCE, Trouble.FETCH), Trouble.FETCH, "sts-policy-fetch-error", "sts"),
    "TL-13 certificate, cached": Told(sts(ENFORCE, Trouble.WEBPKI), Trouble.WEBPKI, "sts-webpki-invalid", "sts"),
    "TL-14": Told(NOTHING, Trouble.INVALID, "sts-policy-invalid", "no-policy-found"),
    "TL-16": Told(NOTHING, TlsFailure.STS_UNKNOWN, "sts-policy-fetch-error", "no-policy-found"),
    "TL-21": Told(Published(dane=TLSA), TlsFailure.TLSA_MISMATCH, "tlsa-invalid", "tlsa"),
    "TL-22": Told(UNUSABLE, TlsFailure.EXPIRED, "certificate-expired", "no-policy-found"),
    "TL-23": Told(NOTHING, TlsFailure.TLSA_UNKNOWN, "dnssec-invalid", "no-policy-found"),
    "TL-24": Told(NOTHING, TlsFailure.DANE_MISSING, "dane-required", "no-policy-found"),
    "TL-26": Told(Published(dane=TLSA, sts=Sts(policy=ENFORCE)), TlsFailure.TLSA_MISMATCH, "tlsa-invalid", "tlsa"),
}
OUR_OWN: Final = {TlsFailure.UNVOUCHED_MX, TlsFailure.PIN_MISMATCH}  # nobody is told


@pytest.mark.parametrize("case", CASES)
def test_what_a_domain_is_told(case: str) -> None:
    told = CASES[case]
    policy = applied_policy(DOMAIN, told.published)
    if isinstance(told.seen, Trouble):
        session = count_trouble(DOMAIN, DAY, policy, told.seen)
    else:
        session = count_failure(DOMAIN, DAY, policy, told.seen, Peer(mx_host="mx.company-y.example"))
    (entry,) = report(session).body["policies"]
    assert entry["policy"]["policy-type"] == told.policy
    assert entry["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}
    (failure,) = entry["failure-details"]
    assert (failure["result-type"], failure["failed-session-count"]) == (told.result, 1)


def test_every_failure_is_a_case() -> None:
    """One that is added later needs its row here, or a reason why nobody is told."""
    seen = {told.seen for told in CASES.values()}
    assert seen >= set(RESULTS) - OUR_OWN
    assert seen >= set(TROUBLES) - {Trouble.RECORD}
    assert {failure for failure, result in RESULTS.items() if result is None} == OUR_OWN
