"""HL7 v2 messages in ER7 encoding, rewritten as labelled lines (HL7 v2.5.1 chapters 2, 3, 4, 6, 7)."""

import re
from typing import Final

from policy.phi.containers.dates import iso_date

_START: Final = re.compile(r"[\x0b\s]{0,8}(?:FHS|BHS|MSH)(?P<field>[^\w\s])", re.ASCII)
_SEGMENT_END: Final = re.compile(r"[\r\n\x1c]+")
# Segment and field of HL7 v2.x that speak, and the label each gets (HL7 v2.5.1 chapters 3, 4, 6, 7).
_LABELS: Final = {
    ("PID", 2): "MRN",
    ("PID", 3): "MRN",
    ("PID", 5): "Patient name",
    ("PID", 7): "DOB",
    ("PID", 11): "Address",
    ("PID", 13): "Phone",
    ("PID", 14): "Phone",
    ("PID", 18): "Account number",
    ("PID", 19): "SSN",
    ("NK1", 2): "Relative of patient",
    ("NK1", 5): "Phone",
    ("GT1", 3): "Guarantor name",
    ("GT1", 5): "Address",
    ("IN1", 2): "Health plan",
    ("IN1", 16): "Subscriber name",
    ("IN1", 36): "Member ID",
    ("IN1", 49): "Member ID",
    ("DG1", 3): "Diagnosis",
    ("DG1", 4): "Diagnosis",
    ("AL1", 3): "Allergy",
    ("PR1", 3): "Procedure",
    ("PR1", 4): "Procedure",
    ("OBR", 4): "Lab test",
    ("OBX", 3): "Lab result",
    ("OBX", 5): "Value",
    ("NTE", 3): "Note",
    ("RXE", 2): "Medication",
    ("RXO", 1): "Medication",
    ("RXA", 5): "Vaccine given",
    ("TXA", 2): "Medical record document",
    ("PV1", 7): "Provider",
    ("PV1", 8): "Provider",
    ("PV1", 9): "Provider",
    ("OBR", 16): "Provider",
    ("ORC", 12): "Provider",
    ("STF", 3): "Provider",
    ("SCH", 7): "Appointment reason",
    ("PV2", 3): "Admission reason",
}
_EVENTS: Final = {
    "PID": "Patient registration",
    "PV1": "Encounter: hospital admission or clinic visit",
    "OBR": "Lab test ordered",
    "RXE": "Prescription",
}


def read_hl7(text: str) -> str | None:
    """Return the message as labelled lines, or None when the text is no HL7 v2. Never raises."""
    start = _START.match(text)
    if not start:
        return None
    lines = []
    for segment in _SEGMENT_END.split(text):
        name, *fields = segment.strip("\x0b ").split(start["field"])
        if name in _EVENTS:
            lines.append(_EVENTS[name])
        for position, value in enumerate(fields, start=1):
            label = _LABELS.get((name, position))
            if value:
                lines.append(f"{label}: {_spoken(name, position, value)}" if label else value.replace("^", " "))
    return "\n".join(lines)


def _spoken(segment: str, position: int, value: str) -> str:
    """Write components in reading order; names are family^given^middle (XPN), or id^family^given (XCN)."""
    words = value.split("~")[0].replace("\\T\\", "&").split("^")
    if (segment, position) in {("PID", 5), ("NK1", 2), ("GT1", 3), ("IN1", 16), ("STF", 3)}:
        return " ".join(
            word.title() if word.isupper() else word
            for word in (*words[1:2], *words[2:3], words[0].split("&")[0])
            if word
        )
    if (segment, position) in {("PID", 3), ("PID", 2), ("PID", 18), ("PID", 19)}:
        return words[0]
    if (segment, position) == ("PID", 7):
        return iso_date(words[0])
    return " ".join(word for word in words if word)
