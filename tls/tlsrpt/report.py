"""The report of one day for one domain: JSON as RFC 8460 section 4.4 has it, its file name and its subject."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from tls.tlsrpt.count import Failure, Session
from tls.tlsrpt.results import AppliedPolicy

MEDIA_TYPE: Final = "application/tlsrpt+gzip"  # RFC 8460 section 6.4
FAILURE_LIMIT: Final = 1_000  # rows of failures in one report; what is beyond is in the sum only


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports. organization: a name. contact: a mailbox. submitter: our domain, for file name and subject."""

    organization: str
    contact: str
    submitter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """id: unique among ours. day: in UTC. body: the JSON object."""

    id: str
    domain: str
    day: date
    submitter: str
    body: Mapping[str, Any]

    @property
    def file_name(self) -> str:
        """RFC 8460 section 5.1."""
        begin, end = (int(moment.timestamp()) for moment in _bounds(self.day))
        return f"{self.submitter}!{self.domain}!{begin}!{end}!{self.id}.json.gz"

    @property
    def subject(self) -> str:
        """RFC 8460 section 5.3."""
        return f"Report Domain: {self.domain} Submitter: {self.submitter} Report-ID: <{self.id}@{self.submitter}>"

    def pack(self) -> bytes:
        """JSON, gzipped; the same report gives the same octets."""
        return gzip.compress(json.dumps(self.body, ensure_ascii=True, indent=1).encode(), mtime=0)


def build_report(
    tally: Mapping[Session, int], *, domain: str, day: date, reporter: Reporter, report_id: str
) -> Report | None:
    """Make the report of a domain and day out of everything counted.

    report_id: letters, digits and hyphens, unique. Returns: None when nothing was counted: then nothing is sent.
    """
    ours = {session: number for session, number in tally.items() if (session.domain, session.day) == (domain, day)}
    if not ours:
        return None
    begin, end = _bounds(day)
    policies = sorted({session.policy for session in ours}, key=_order)
    body = {
        "organization-name": reporter.organization,
        "date-range": {"start-datetime": _moment(begin), "end-datetime": _moment(end)},
        "contact-info": reporter.contact,
        "report-id": report_id,
        "policies": [_policy(policy, ours) for policy in policies],
    }
    return Report(id=report_id, domain=domain, day=day, submitter=reporter.submitter, body=body)


def _order(policy: AppliedPolicy) -> tuple[object, ...]:
    return (policy.type.value, policy.domain, policy.strings)


def _policy(policy: AppliedPolicy, ours: Mapping[Session, int]) -> dict[str, Any]:
    rows = {session.failure: number for session, number in ours.items() if session.policy == policy}
    failures = [(failure, number) for failure, number in rows.items() if failure is not None]
    failures.sort(key=lambda row: (-row[1], row[0].result.value, row[0].reason, astuple(row[0].peer)))
    described = {
        "policy-type": policy.type.value,
        "policy-string": list(policy.strings),
        "policy-domain": policy.domain,
        "mx-host": list(policy.mx_hosts),
    }
    entry: dict[str, Any] = {
        "policy": {key: value for key, value in described.items() if value},
        "summary": {
            "total-successful-session-count": rows.get(None, 0),
            "total-failure-session-count": sum(number for _, number in failures),
        },
    }
    if failures:
        entry["failure-details"] = [_failure(failure, number) for failure, number in failures[:FAILURE_LIMIT]]
    return entry


def _failure(failure: Failure, number: int) -> dict[str, Any]:
    described = {
        "result-type": failure.result.value,
        "sending-mta-ip": failure.peer.sending_ip,
        "receiving-mx-hostname": failure.peer.mx_host,
        "receiving-mx-helo": failure.peer.helo,
        "receiving-ip": failure.peer.receiving_ip,
        "failed-session-count": number,
        "failure-reason-code": failure.reason,
    }
    return {key: value for key, value in described.items() if value}


def _bounds(day: date) -> tuple[datetime, datetime]:
    """A whole day in UTC (RFC 8460 section 4.1), its last second included as in the RFC's example."""
    return datetime.combine(day, time(), UTC), datetime.combine(day, time(23, 59, 59), UTC)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")  # RFC 3339
