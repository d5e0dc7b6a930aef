"""The JSON of a TLS report as RFC 8460 section 4.4 has it, checked member by member."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # RFC 3339 in UTC
NAME: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
ADDRESS: Final = re.compile(r"[0-9a-f.:]+")
POLICY_TYPES: Final = {"tlsa", "sts", "no-policy-found"}
RESULT_TYPES: Final = {  # section 4.3
    "starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
    "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error",
    "sts-policy-invalid", "sts-webpki-invalid",
}  # fmt: skip


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def texts(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(is_text, value))


def like(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


REPORT: Final[Mapping[str, Check]] = {
    "organization-name": is_text,
    "date-range": lambda value: members(value, DATES),
    "contact-info": is_text,
    "report-id": is_text,
    "policies": lambda value: isinstance(value, list) and value != [] and all(members(one, ENTRY) for one in value),
}
DATES: Final[Mapping[str, Check]] = {"start-datetime": like(MOMENT), "end-datetime": like(MOMENT)}
ENTRY: Final[Mapping[str, Check]] = {
    "policy": lambda value: members(value, POLICY),
    "summary": lambda value: members(value, SUMMARY),
    "failure-details?": lambda value: (
        isinstance(value, list) and value != [] and all(members(one, FAILURE) for one in value)
    ),
}
POLICY: Final[Mapping[str, Check]] = {
    "policy-type": POLICY_TYPES.__contains__,
    "policy-string?": texts,
    "policy-domain": like(NAME),
    "mx-host?": texts,
}
SUMMARY: Final[Mapping[str, Check]] = {
    "total-successful-session-count": is_count,
    "total-failure-session-count": is_count,
}
FAILURE: Final[Mapping[str, Check]] = {
    "result-type": RESULT_TYPES.__contains__,
    "sending-mta-ip?": like(ADDRESS),
    "receiving-mx-hostname?": like(NAME),
    "receiving-mx-helo?": is_text,
    "receiving-ip?": like(ADDRESS),
    "failed-session-count": lambda value: is_count(value) and value > 0,
    "additional-information?": is_text,
    "failure-reason-code?": is_text,
}


def members(value: Any, wanted: Mapping[str, Check]) -> bool:
    """Exactly these members, `?` marks one that may be absent. Raises: AssertionError that names the wrong one."""
    assert isinstance(value, dict), value
    known = {name.rstrip("?"): check for name, check in wanted.items()}
    needed = {name for name in wanted if not name.endswith("?")}
    assert needed <= set(value) <= set(known), (sorted(value), sorted(known))
    for name, item in value.items():
        assert known[name](item), (name, item)
    return True


def check_report(body: Any) -> None:
    """Raises: AssertionError for anything that RFC 8460 does not have, or sums that do not fit."""
    assert members(body, REPORT)
    for entry in body["policies"]:
        told = sum(one["failed-session-count"] for one in entry.get("failure-details", []))
        assert told <= entry["summary"]["total-failure-session-count"]
