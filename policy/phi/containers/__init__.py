"""Health data interchange formats, rewritten as labelled lines that the detectors read like any other text.

PID-5 of HL7 v2 says "patient name" more surely than any sentence does; so each reader here turns the fields that speak
into "Patient name: …", "MRN: …", "Provider: …". What only looks like one of the formats comes back as None. The text
itself is read as well, because a program need not believe what a first line promises; but for formats in `COMPLETE`.
"""

from collections.abc import Callable
from typing import Final

from policy.phi.containers.cda import read_cda
from policy.phi.containers.fhir import read_fhir
from policy.phi.containers.hl7 import read_hl7
from policy.phi.containers.icalendar import read_icalendar
from policy.phi.containers.x12 import read_x12

_READERS: Final[dict[str, Callable[[str], str | None]]] = {
    "HL7 v2": read_hl7,
    "X12": read_x12,
    "FHIR": read_fhir,
    "C-CDA": read_cda,
    "calendar": read_icalendar,
}
FORMATS: Final = frozenset(_READERS)
COMPLETE: Final = frozenset({"FHIR"})  # whose readers leave nothing out


def container_text(text: str) -> tuple[str, str] | None:
    """Return (name of the format, labelled lines) when the text is one of the formats, else None. Never raises."""
    for name, read in _READERS.items():
        lines = read(text)
        if lines is not None:
            return name, lines
    return None
