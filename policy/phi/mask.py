"""Show that a value was found without showing the value."""

import re
from typing import Final

from policy.phi.report import Kind

_INITIAL: Final = re.compile(r"\b\w")
_DIGITS: Final = re.compile(r"\d")
_YEAR: Final = re.compile(r"(?:19|20)\d{2}")
_SHOWN: Final = 4
_DATES: Final = frozenset({Kind.DOB, Kind.SERVICE_DATE})
_NUMBERS: Final = frozenset(
    {
        *(Kind.MRN, Kind.MEMBER_ID, Kind.ACCOUNT, Kind.CARD, Kind.BANK_ACCOUNT, Kind.LICENSE, Kind.VEHICLE),
        *(Kind.DEVICE, Kind.BIOMETRIC, Kind.OTHER_ID, Kind.PROVIDER_ID),
    }
)
_HIDDEN: Final = {Kind.ZIP: "***…", Kind.AGE_OVER_89: "9*", Kind.IP_ADDRESS: "*.*.*.*"}


def mask(kind: Kind, value: str) -> str:
    """Return a hint of the value: the last four digits of a number, the year of a date, initials of words."""
    if kind is Kind.SSN:
        return f"***-**-{_last(value)}"
    if kind is Kind.PHONE:
        return f"***-***-{_last(value)}"
    if kind in _DATES:
        year = _YEAR.search(value)
        return f"**/**/{year[0] if year else '****'}"
    if kind is Kind.EMAIL:
        local, _, domain = value.partition("@")
        return f"{local[:1]}…@{domain[:1]}…"
    if kind in _NUMBERS:
        shown = min(_SHOWN, len(value) // 3)
        return f"…{value[len(value) - shown :]}" if shown else "…"
    if kind in _HIDDEN:
        return _HIDDEN[kind]
    if kind is Kind.URL:
        return f"{value[:4].lower()}…"
    return " ".join([f"{initial}…" for initial in _INITIAL.findall(value)[:6]])


def _last(value: str) -> str:
    return "".join(_DIGITS.findall(value))[-_SHOWN:]
