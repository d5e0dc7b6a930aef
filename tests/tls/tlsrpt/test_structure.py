"""The checker of reports finds what is wrong, and the reports that we make pass it (TL-29, RFC 8460 4.4)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.tls.tlsrpt.structure import check_report
from tests.tls.tlsrpt.test_report import BY_NONE, BY_STS, BY_TLSA, DAY, DOMAIN, report
from tls.failures import TlsFailure
from tls.mta_sts.trouble import Trouble
from tls.tlsrpt.count import Peer, count_failure, count_success, count_trouble

PEER = Peer(mx_host="mx.company-y.example", receiving_ip="192.0.2.1")


def whole() -> dict[str, Any]:
    """Every policy, every failure, every trouble."""
    sessions = [count_success(DOMAIN, DAY, policy) for policy in (BY_NONE, BY_STS, BY_TLSA)]
    failures = [count_failure(DOMAIN, DAY, BY_STS, failure, PEER) for failure in TlsFailure]
    troubles = [count_trouble(DOMAIN, DAY, BY_NONE, trouble) for trouble in Trouble]
    return dict(report(*sessions, *failures, *troubles).body)


def test_our_reports_pass() -> None:
    check_report(whole())


def _drop(*path: Any) -> Callable[[Any], None]:
    def change(node: Any) -> None:
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]

    return change


def _set(value: Any, *path: Any) -> Callable[[Any], None]:
    def change(node: Any) -> None:
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value

    return change


FIRST = ("policies", 0)
WITH_FAILURES = ("policies", 1, "failure-details", 0)


@pytest.mark.parametrize(
    "change",
    [
        _drop("report-id"),
        _drop("date-range", "end-datetime"),
        _set([], "policies"),
        _set("2026-11-23", "date-range", "start-datetime"),
        _set("dane", *FIRST, "policy", "policy-type"),
        _set("1", *FIRST, "summary", "total-successful-session-count"),
        _set(0, "policies", 1, "summary", "total-failure-session-count"),
        _set(True, *FIRST, "summary", "total-failure-session-count"),
        _set([], *FIRST, "failure-details"),
        _set("expired", *WITH_FAILURES, "result-type"),
        _set(0, *WITH_FAILURES, "failed-session-count"),
        _set("x", *WITH_FAILURES, "comment"),
        _set("mx host", *WITH_FAILURES, "receiving-mx-hostname"),
    ],
)
def test_what_is_wrong_is_found(change: Callable[[Any], None]) -> None:
    body = copy.deepcopy(whole())
    change(body)
    with pytest.raises(AssertionError):
        check_report(body)
