"""FHIR resources in JSON, rewritten as labelled lines (HL7 FHIR R4).

Nothing is left out but names of fields and addresses of the web: the text itself need not be read as well.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from policy.phi.text_xml import xml_text

_PEOPLE: Final = {"Patient": "Patient name", "RelatedPerson": "Relative of patient", "Person": "Patient name"}
_ABOUT_PATIENT: Final = frozenset({"subject", "patient", "beneficiary", "individual"})
_STAFF: Final = frozenset({"Practitioner", "Organization", "PractitionerRole", "Location"})
_LABEL: Final = {
    "Condition": "Diagnosis",
    "Observation": "Lab result",
    "MedicationRequest": "Medication",
    "MedicationStatement": "Medication",
    "Procedure": "Procedure",
    "AllergyIntolerance": "Allergy",
    "Immunization": "Vaccine given",
    "Encounter": "Encounter",
    "Claim": "Health insurance claim",
    "ExplanationOfBenefit": "Explanation of benefits",
    "Coverage": "Health plan",
    "DiagnosticReport": "Lab result",
    "CarePlan": "Treatment plan",
    "Appointment": "Appointment",
}
_DEPTH: Final = 40
_FIELD_NAME: Final = re.compile(r"\w{1,60}", re.ASCII)
_WEB: Final = ("http:", "https:", "urn:")
_CONFORMANCE: Final = frozenset(
    {
        "ValueSet",
        "CodeSystem",
        "StructureDefinition",
        "CapabilityStatement",
        "ConceptMap",
        "SearchParameter",
        "OperationDefinition",
        "ImplementationGuide",
        "Questionnaire",
        "NamingSystem",
    }
)


def read_fhir(text: str) -> str | None:
    """Return the resources as labelled lines, or None when the text is no FHIR. Never raises."""
    if not text[:200].lstrip().startswith("{") or '"resourceType"' not in text:
        return None
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "resourceType" not in document:
        return None
    try:
        return "\n".join(line for resource in _resources(document) for line in _lines(resource))
    except _TooDeep:
        return None


class _TooDeep(Exception):
    """The document is nested deeper than it is read: it is no FHIR to us."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object. Raises: ValueError when two fields have one name, because programs choose differently."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError
    return made


def _resources(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    entries = document.get("entry")
    if document.get("resourceType") == "Bundle" and isinstance(entries, list):
        for entry in entries:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            yield resource if isinstance(resource, dict) else {"text": entry}
        yield {key: value for key, value in document.items() if key != "entry"}
        return
    yield document
    contained = document.get("contained")
    for resource in contained if isinstance(contained, list) else ():
        if isinstance(resource, dict):
            yield resource


def _lines(resource: dict[str, Any]) -> Iterator[str]:
    kind = str(resource.get("resourceType", ""))
    if kind in _CONFORMANCE:
        for key, value in _leaves(resource, 0):
            yield f"Contact: {value}" if key in {"name", "publisher"} else value
        return
    for name in _names(resource.get("name")):
        yield f"{_PEOPLE.get(kind, 'Provider')}: {name}"
    if kind in _PEOPLE:
        yield from _patient(resource)
    label = _LABEL.get(kind, "")
    read = {"name"} if resource.get("name") and all(map(_is_name, _listed(resource["name"]))) else set()
    read |= {"identifier"} if kind in _PEOPLE else set()
    for key, value in _leaves({key: value for key, value in resource.items() if key not in read}, 0):
        if (key == "display" and kind not in _STAFF) or key in {"text", "code", "value", "valueString"}:
            yield f"{label}: {value}" if label else value
        else:
            yield value
    for reference in _ABOUT_PATIENT & resource.keys():
        target = resource[reference]
        if isinstance(target, dict) and isinstance(target.get("display"), str):
            yield f"Patient name: {target['display']}"


def _patient(resource: dict[str, Any]) -> Iterator[str]:
    if isinstance(resource.get("birthDate"), str):
        yield f"DOB: {resource['birthDate']}"
    identifiers = resource.get("identifier")
    for identifier in identifiers if isinstance(identifiers, list) else ():
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
            yield f"{'SSN' if 'ssn' in str(identifier.get('system')) else 'MRN'}: {identifier['value']}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_name(value: Any) -> bool:
    return isinstance(value, dict) and not value.keys() - {"use", "given", "family"}


def _names(names: Any) -> Iterator[str]:
    """Yield HumanName values as "given family"."""
    for name in names if isinstance(names, list) else ():
        if isinstance(name, dict):
            given = name.get("given")
            words = [*(given if isinstance(given, list) else ()), name.get("family")]
            spoken = " ".join(word for word in words if isinstance(word, str)) or name.get("text")
            if isinstance(spoken, str) and spoken:
                yield spoken


def _leaves(value: Any, depth: int, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield (key, text) of every string and number below; XHTML narratives lose their tags."""
    if depth > _DEPTH:
        raise _TooDeep
    if isinstance(value, dict):
        for name, inner in value.items():
            if not _FIELD_NAME.fullmatch(name):
                yield "", name
            yield from _leaves(inner, depth + 1, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, depth + 1, key)
    elif isinstance(value, str) and not (value.startswith(_WEB) and " " not in value):
        yield key, xml_text(value) if "<" in value else value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield key, str(value)
