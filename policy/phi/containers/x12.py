"""ASC X12 005010 interchanges of health care (837, 835, 834, 27x, 278), rewritten as labelled lines."""

import re
from collections.abc import Iterator
from typing import Final

from policy.phi.containers.dates import iso_date

_START: Final = re.compile(r"\s{0,8}ISA(?P<element>[^\w\s])", re.ASCII)
_TERMINATOR_AT: Final = 105  # the ISA segment has a fixed length; its last character ends every segment
# Entity identifier codes of NM1-01 (ASC X12 005010): who is a patient, an insured person, or a provider.
_PATIENTS: Final = {
    "IL": "Subscriber name",
    "QC": "Patient name",
    "74": "Member name",
    "03": "Dependent name",
    "S1": "Relative of patient",
}
_HEALTH: Final = {
    "CLM": "Health insurance claim",
    "CLP": "Health insurance claim payment",
    "HI": "Diagnosis code",
    "SV1": "Procedure code",
    "SV2": "Procedure code",
    "SV3": "Procedure code",
    "SVC": "Procedure code",
    "STC": "Health insurance claim status",
    "EB": "Health plan eligibility",
    "EQ": "Health plan eligibility inquiry",
    "UM": "Prior authorization request",
    "HD": "Health plan enrollment",
    "INS": "Health plan enrollment",
}
_HEALTH_SETS: Final = frozenset({"270", "271", "276", "277", "278", "834", "835", "837"})


def read_x12(text: str) -> str | None:
    """Return the interchange as labelled lines, or None when the text is no X12. Never raises."""
    start = _START.match(text)
    if not start:
        return None
    body = text.lstrip()
    last = body[_TERMINATOR_AT : _TERMINATOR_AT + 1]
    terminator = last if last and not last.isspace() and not last.isalnum() else "~"
    lines: list[str] = []
    is_health = about_patient = False
    for segment in body.split(terminator):
        name, *fields = segment.strip().split(start["element"])
        if name == "ST":
            is_health = fields[:1] != [] and fields[0] in _HEALTH_SETS
        elif name == "NM1" and len(fields) > 3:
            label = _PATIENTS.get(fields[0], "") if fields[1] != "2" else ""
            about_patient = bool(label)
            lines.extend(_person(fields, label))
        elif name == "DMG" and len(fields) > 1 and about_patient:
            lines.append(f"DOB: {iso_date(fields[1])}")
        elif name in {"N3", "N4"} and about_patient:
            lines.append(f"Address: {_joined(fields)}")
        elif name in _HEALTH and is_health:
            lines.append(f"{_HEALTH[name]}: {_joined(fields).replace(':', ' ')}")
        else:
            lines.append(_joined(fields))
    return "\n".join(line for line in lines if line)


def _joined(fields: list[str]) -> str:
    return " ".join(field for field in fields if field)


def _person(fields: list[str], label: str) -> Iterator[str]:
    """Write an NM1 segment: 03 family or organisation, 04 given, 05 middle, 08 and 09 identifier."""
    yield f"{label or 'Provider'}: {_joined([word.title() for word in (*fields[3:5], fields[2])])}"
    if label and len(fields) > 8 and fields[8]:
        yield f"{'SSN' if fields[7] == '34' else 'Member ID'}: {fields[8]}"
