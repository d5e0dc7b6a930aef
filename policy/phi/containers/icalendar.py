"""iCalendar objects, reduced to what people wrote (RFC 5545)."""

import re
from typing import Final

_START: Final = re.compile(r"\s{0,8}BEGIN:VCALENDAR", re.IGNORECASE)
_FOLD: Final = re.compile(r"\n[ \t]")  # RFC 5545 section 3.1
_ESCAPES: Final = (("\\n", "\n"), ("\\N", "\n"), ("\\,", ","), ("\\;", ";"))  # RFC 5545 section 3.3.11
_SPOKEN: Final = frozenset({"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "X-ALT-DESC"})
_PEOPLE: Final = {"ORGANIZER": "Provider", "CONTACT": "Contact", "ATTENDEE": "Attendee"}


def read_icalendar(text: str) -> str | None:
    """Return the calendar's spoken lines, organisers and contacts marked as staff; None when it is no calendar."""
    if not _START.match(text):
        return None
    lines = []
    for line in _FOLD.sub("", text).split("\n"):
        name, _, value = line.partition(":")
        prop = name.split(";")[0].strip().upper()
        for escape, character in _ESCAPES:
            value = value.replace(escape, character)
        if prop in _SPOKEN:
            lines.append(value.strip())
        elif prop in _PEOPLE:
            common_name = name.partition("CN=")[2].split(";")[0]
            lines.append(f"{_PEOPLE[prop]}: {common_name} {value.strip()}")
    return "\n".join(lines)
