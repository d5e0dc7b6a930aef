"""C-CDA documents, rewritten as labelled lines (HL7 C-CDA R2.1 section 1.1: recordTarget is the patient)."""

import re
from collections.abc import Iterator
from typing import Final

from policy.phi.containers.dates import iso_date
from policy.phi.text_xml import xml_text

_STAFF: Final = ("assignedPerson", "informationRecipient", "representedOrganization", "assignedAuthor")
_VALUE: Final = re.compile(r"<(?:\w{1,20}:)?(birthTime|id)\b[^<>]{0,300}?\b(?:value|extension)=\"([^\"<>]{1,40})\"")
_LABELS: Final = {"birthTime": "DOB", "id": "MRN"}


def read_cda(text: str) -> str | None:
    """Return the document as labelled lines, or None when the text is no clinical document. Never raises."""
    if "ClinicalDocument" not in text[:4000]:
        return None
    rest, targets = _cut(text, "recordTarget")
    lines = [line for target in targets for line in _patient(target)]
    for element in _STAFF:
        rest, people = _cut(rest, element)
        lines.extend(f"Provider: {' '.join(xml_text(person).split())}" for person in people)
    return "\n".join((*lines, xml_text(rest)))


def _patient(target: str) -> Iterator[str]:
    """Write a recordTarget: names, birth time, ids; a nullFlavor leaves nothing to write."""
    _, patients = _cut(target, "patient")
    for patient in patients:
        rest, guardians = _cut(patient, "guardian")
        for label, people in (("Patient name", rest), ("Relative of patient", " ".join(guardians))):
            yield from (
                f"{label}: {words}" for name in _cut(people, "name")[1] if (words := " ".join(xml_text(name).split()))
            )
    yield from (
        f"{_LABELS[element]}: {iso_date(value) if element == 'birthTime' else value}"
        for element, value in _VALUE.findall(target)
    )
    yield xml_text(target)


def _cut(text: str, element: str) -> tuple[str, list[str]]:
    """Take out all elements of a name without nesting; returns (what stays, what was inside). Linear."""
    pieces = re.split(rf"<(/?)(?:\w{{1,20}}:)?{element}(?=[\s>])[^<>]{{0,500}}>", text)
    outside, depth = [pieces[0]], 0
    inside: list[str] = []
    for slash, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        depth = max(0, depth - 1) if slash else depth + 1
        (inside if depth else outside).append(piece)
    return " ".join(outside), inside
