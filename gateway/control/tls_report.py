"""What domains are told of their TLS, told to the operator: sums by domain and policy, failures in words, reports."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from gateway.control.office import Office
from gateway.store import tls_counts, tls_reports
from gateway.store.tls_reports import ReportState
from tls.failures import TlsFailure
from tls.mta_sts.trouble import Trouble
from tls.tlsrpt.count import Failure, Session
from tls.tlsrpt.results import AppliedPolicy

TROUBLE_WORDS: Final = {
    Trouble.RECORD.value: "DNS did not tell whether there is an MTA-STS policy",
    Trouble.FETCH.value: "the MTA-STS policy could not be fetched",
    Trouble.INVALID.value: "the MTA-STS policy is not valid",
    Trouble.WEBPKI.value: "the certificate of the MTA-STS policy host does not count",
}
FAILURE_WORDS: Final = {failure.value: failure.words for failure in TlsFailure}


async def tls(office: Office, *, since: str, domain: str = "") -> dict[str, Any]:
    """Sessions and reports of days from this one on (RFC 3339 date, UTC); those of the last minute may be missing.

    Returns: `domains`, the one with the most failures first, and whether the list `is_cut`.
    """
    first = date.fromisoformat(since)
    async with office.store.read() as conn:
        sums = await tls_counts.since(conn, first, domain.lower())
        reports = await tls_reports.since(conn, first, domain.lower())
    by_domain: dict[str, dict[Session, int]] = {}
    for session, number in sums.items():
        by_domain.setdefault(session.domain, {})[session] = number
    told = [
        _domain(name, counted, [one for one in reports if one.domain == name]) for name, counted in by_domain.items()
    ]
    told.sort(key=lambda one: (-one["failed"], -one["good"], one["domain"]))
    return {"is_cut": len(sums) == tls_counts.READ_LIMIT, "domains": told, "until": datetime.now(UTC).isoformat()}


def _domain(name: str, sums: Mapping[Session, int], reports: list[ReportState]) -> dict[str, Any]:
    policies: dict[AppliedPolicy, dict[Failure | None, int]] = {}
    for session, number in sums.items():
        rows = policies.setdefault(session.policy, {})
        rows[session.failure] = rows.get(session.failure, 0) + number
    return {
        "domain": name,
        **_sums(sums_of(sums)),
        "policies": [_policy(policy, rows) for policy, rows in sorted(policies.items(), key=lambda one: str(one[0]))],
        "reports": [
            {"day": one.day.isoformat(), "fate": one.fate.value, "tries": one.tries, "taken": one.taken}
            for one in reports
        ],
    }


def sums_of(sums: Mapping[Session, int]) -> dict[Failure | None, int]:
    """By failure, whatever day and policy."""
    found: dict[Failure | None, int] = {}
    for session, number in sums.items():
        found[session.failure] = found.get(session.failure, 0) + number
    return found


def _sums(rows: Mapping[Failure | None, int]) -> dict[str, int]:
    return {"good": rows.get(None, 0), "failed": sum(number for failure, number in rows.items() if failure is not None)}


def _policy(policy: AppliedPolicy, rows: Mapping[Failure | None, int]) -> dict[str, Any]:
    failures = sorted(
        ((failure, number) for failure, number in rows.items() if failure is not None), key=lambda one: -one[1]
    )
    return {
        "type": policy.type.value,
        "domain": policy.domain,
        **_sums(rows),
        "failures": [
            {
                "result": failure.result.value,
                "reason": failure.reason,
                "words": _words(failure),
                "mx_host": failure.peer.mx_host,
                "receiving_ip": failure.peer.receiving_ip,
                "sessions": number,
            }
            for failure, number in failures
        ],
    }


def _words(failure: Failure) -> str:
    """One sentence, without a full stop."""
    if failure.reason in TROUBLE_WORDS:
        return TROUBLE_WORDS[failure.reason]
    host = failure.peer.mx_host or "a host"
    return f"{host} {FAILURE_WORDS.get(failure.reason, failure.reason)}"
