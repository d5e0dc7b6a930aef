"""From failures to a report: types, counting, JSON."""

import gzip
import json
from dataclasses import replace
from datetime import date

import pytest

from tests.tls.pki import LEAF
from tls.dane.verify import Dane, DaneState
from tls.failures import TlsFailure
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Sts
from tls.published import NOTHING, Published
from tls.tlsrpt.count import Peer, Session, count_failure, count_success, count_trouble, merge, tally
from tls.tlsrpt.report import FAILURE_LIMIT, Report, Reporter, build_report
from tls.tlsrpt.results import RESULTS, TROUBLES, PolicyType, ResultType, applied_policy

DAY, NEXT = date(2026, 11, 23), date(2026, 11, 24)
DOMAIN = "company-y.example"
STS = StsPolicy(mode=Mode.TESTING, max_age_s=86_400, mx=("*.mail.company-y.example",))
TLSA = Dane(state=DaneState.USABLE, base="mx.company-y.example", records=(LEAF.tlsa(3, 1, 1),))
REPORTER = Reporter(organization="Company-X", contact="tls@company-x.example", submitter="mail.company-x.example")
BY_STS = applied_policy(DOMAIN, Published(sts=Sts(policy=STS)))
BY_TLSA = applied_policy(DOMAIN, Published(dane=TLSA, sts=Sts(policy=STS)))
BY_NONE = applied_policy(DOMAIN, NOTHING)


def report(*sessions: Session | None) -> Report:
    found = build_report(tally(sessions), domain=DOMAIN, day=DAY, reporter=REPORTER, report_id="5065427c-23d3")
    assert found is not None
    return found


@pytest.mark.parametrize("failure", list(TlsFailure))
def test_every_failure_has_a_result_type(failure: TlsFailure) -> None:
    """TL-29: one counted failure, under its type; what is our own rule alone is nobody else's business."""
    session = count_failure(DOMAIN, DAY, BY_STS, failure, Peer())
    if failure in (TlsFailure.UNVOUCHED_MX, TlsFailure.PIN_MISMATCH):
        assert session is None
        return
    assert session is not None
    assert session.failure is not None
    assert session.failure.result is RESULTS[failure]
    assert report(session).body["policies"][0]["summary"]["total-failure-session-count"] == 1


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (TlsFailure.NOT_OFFERED, "starttls-not-supported"),
        (TlsFailure.EXPIRED, "certificate-expired"),
        (TlsFailure.WRONG_NAME, "certificate-host-mismatch"),
        (TlsFailure.SELF_SIGNED, "certificate-not-trusted"),
        (TlsFailure.OLD_VERSION, "validation-failure"),
        (TlsFailure.TLSA_MISMATCH, "tlsa-invalid"),
        (TlsFailure.TLSA_UNKNOWN, "dnssec-invalid"),
        (TlsFailure.DANE_MISSING, "dane-required"),
    ],
)
def test_result_types(failure: TlsFailure, result: str) -> None:
    """TL-03, TL-29, RFC 8460 4.3."""
    assert RESULTS[failure] is ResultType(result)


def test_result_types_of_policies() -> None:
    """RFC 8460 4.3.2.2."""
    assert set(TROUBLES) == set(Trouble)
    assert count_trouble(DOMAIN, DAY, BY_NONE, Trouble.RECORD) is None
    for trouble in (Trouble.FETCH, Trouble.INVALID, Trouble.WEBPKI):
        session = count_trouble(DOMAIN, DAY, BY_NONE, trouble)
        assert session is not None
        assert session.failure is not None
        assert session.failure.result.value == trouble.value


def test_every_type_is_used() -> None:
    used = {*RESULTS.values(), *TROUBLES.values()} - {None}
    assert used == set(ResultType)


def test_the_policy_that_applied() -> None:
    """RFC 8460 1.1 and 4.4: DANE before MTA-STS; its domain is the TLSA base domain."""
    assert (BY_TLSA.type, BY_TLSA.domain) == (PolicyType.TLSA, "mx.company-y.example")
    assert BY_TLSA.strings == (f"3 1 1 {LEAF.tlsa(3, 1, 1).data.hex().upper()}",)
    assert (BY_STS.type, BY_STS.domain) == (PolicyType.STS, DOMAIN)
    assert (BY_NONE.type, BY_NONE.strings) == (PolicyType.NONE, ())
    unusable = Published(dane=Dane(state=DaneState.UNUSABLE, base="mx.company-y.example"))
    assert applied_policy(DOMAIN, unusable) == BY_NONE


def test_the_example_of_the_rfc() -> None:
    """TL-29, RFC 8460 appendix B, with our words for the reason codes."""
    one = Peer(
        sending_ip="2001:db8:abcd:0012::1",
        mx_host="mx1.mail.company-y.example",
        receiving_ip="203.0.113.56",
    )
    expired = count_failure(DOMAIN, DAY, BY_STS, TlsFailure.EXPIRED, one)
    silent = count_failure(DOMAIN, DAY, BY_STS, TlsFailure.NOT_OFFERED, one)
    made = report(*[count_success(DOMAIN, DAY, BY_STS)] * 5326, *[expired] * 100, *[silent] * 200)
    details = {
        "sending-mta-ip": "2001:db8:abcd:0012::1",
        "receiving-mx-hostname": "mx1.mail.company-y.example",
        "receiving-ip": "203.0.113.56",
    }
    assert json.loads(gzip.decompress(made.pack())) == {
        "organization-name": "Company-X",
        "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
        "contact-info": "tls@company-x.example",
        "report-id": "5065427c-23d3",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": [
                        "version: STSv1",
                        "mode: testing",
                        "mx: *.mail.company-y.example",
                        "max_age: 86400",
                    ],
                    "policy-domain": "company-y.example",
                    "mx-host": ["*.mail.company-y.example"],
                },
                "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 300},
                "failure-details": [
                    {
                        "result-type": "starttls-not-supported",
                        **details,
                        "failed-session-count": 200,
                        "failure-reason-code": "not-offered",
                    },
                    {
                        "result-type": "certificate-expired",
                        **details,
                        "failed-session-count": 100,
                        "failure-reason-code": "expired",
                    },
                ],
            }
        ],
    }


def test_a_policy_each() -> None:
    """Sessions of one day under several policies, the successful ones too."""
    made = report(
        count_success(DOMAIN, DAY, BY_TLSA),
        count_success(DOMAIN, DAY, BY_NONE),
        count_failure(DOMAIN, DAY, BY_TLSA, TlsFailure.TLSA_MISMATCH, Peer()),
    )
    assert [entry["policy"]["policy-type"] for entry in made.body["policies"]] == ["no-policy-found", "tlsa"]
    assert made.body["policies"][0]["summary"] == {
        "total-successful-session-count": 1,
        "total-failure-session-count": 0,
    }
    assert "failure-details" not in made.body["policies"][0]
    assert made.body["policies"][1]["failure-details"][0]["failed-session-count"] == 1


def test_only_its_domain_and_day() -> None:
    counted = merge(
        tally([count_success(DOMAIN, NEXT, BY_NONE), count_success("other.example", DAY, BY_NONE)]),
        tally([None]),
    )
    assert build_report(counted, domain=DOMAIN, day=DAY, reporter=REPORTER, report_id="1") is None
    assert merge(counted, counted)[count_success(DOMAIN, NEXT, BY_NONE)] == 2


def test_names() -> None:
    """RFC 8460 5.1 and 5.3."""
    made = report(count_success(DOMAIN, DAY, BY_NONE))
    assert made.file_name == "mail.company-x.example!company-y.example!1795392000!1795478399!5065427c-23d3.json.gz"
    assert made.subject == (
        "Report Domain: company-y.example Submitter: mail.company-x.example "
        "Report-ID: <5065427c-23d3@mail.company-x.example>"
    )


def test_the_same_counts_make_the_same_octets() -> None:
    """A report that is sent again must not look like another one."""
    policies = [replace(BY_STS, strings=(f"max_age: {number}",)) for number in range(9)]
    sessions: list[Session | None] = [count_success(DOMAIN, DAY, policy) for policy in policies]
    peers = [Peer(receiving_ip=f"9.9.9.{number}") for number in range(9)]
    sessions += [count_failure(DOMAIN, DAY, BY_STS, TlsFailure.EXPIRED, peer) for peer in peers]
    made = report(*sessions)
    assert made.pack() == report(*reversed(sessions)).pack()
    assert [entry["policy"]["policy-string"][0] for entry in made.body["policies"]][:9] == [
        f"max_age: {number}" for number in range(9)
    ]
    assert made.pack()[4:8] == bytes(4)  # RFC 1952 section 2.3.1: MTIME, not the hour of packing


def test_many_failures_are_bounded() -> None:
    """A domain with a thousand names for one host; the sum stays right."""
    peers = [Peer(mx_host=f"mx{number}.company-y.example") for number in range(FAILURE_LIMIT + 7)]
    made = report(*(count_failure(DOMAIN, DAY, BY_NONE, TlsFailure.EXPIRED, peer) for peer in peers))
    entry = made.body["policies"][0]
    assert entry["summary"]["total-failure-session-count"] == FAILURE_LIMIT + 7
    assert len(entry["failure-details"]) == FAILURE_LIMIT
