"""Interchange formats become labelled lines; what only looks like one is left alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.containers import FORMATS, container_text
from tests.policy.phi.messages import HL7, X12_CLAIM, X12_ORDER

FHIR = json.dumps(
    {
        "resourceType": "Bundle",
        "entry": [
            {
                "resource": {
                    "resourceType": "Patient",
                    "name": [{"family": "Barlow", "given": ["Whitney"]}],
                    "birthDate": "1981-03-14",
                    "identifier": [{"value": "00448812"}],
                }
            },
            {"resource": {"resourceType": "Condition", "code": {"text": "Lupus"}}},
            {"resource": {"resourceType": "Practitioner", "name": [{"family": "Lowe", "given": ["Ann"]}]}},
        ],
    }
)
CDA = """<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole><id extension="00448812" root="1.2"/>
<patient><name><given>Whitney</given><family>Barlow</family></name><birthTime value="19810314"/></patient></patientRole>
</recordTarget><author><assignedAuthor><assignedPerson><name><given>Ann</given><family>Lowe</family></name></assignedPerson>
</assignedAuthor></author><component><section><title>Problems</title><text>Lupus</text></section></component></ClinicalDocument>"""
CALENDAR = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nORGANIZER;CN=Ann Lowe:mailto:ann@clinic.example\n"
    "SUMMARY:Colonoscopy - Whitney\n  Barlow\nDESCRIPTION:bring a list\\, please\nEND:VEVENT\nEND:VCALENDAR\n"
)


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        (
            HL7,
            "HL7 v2",
            ["Patient name: Luis M Ibarra", "MRN: 00448812", "DOB: 1961-03-17", "Lab result: 2951-2 Sodium LN"],
        ),
        (
            X12_CLAIM,
            "X12",
            ["Subscriber name: Gwen Achebe", "Member ID: W884120039", "DOB: 1953-06-11", "Provider: Lake Clinic"],
        ),
        (
            FHIR,
            "FHIR",
            [
                "Patient name: Whitney Barlow",
                "DOB: 1981-03-14",
                "MRN: 00448812",
                "Diagnosis: Lupus",
                "Provider: Ann Lowe",
            ],
        ),
        (
            CDA,
            "C-CDA",
            ["Patient name: Whitney Barlow", "DOB: 1981-03-14", "MRN: 00448812", "Provider: Ann Lowe", "Lupus"],
        ),
        (
            CALENDAR,
            "calendar",
            ["Colonoscopy - Whitney Barlow", "bring a list, please", "Provider: Ann Lowe mailto:ann@clinic.example"],
        ),
    ],
)
def test_fields_become_labels(text: str, name: str, wanted: list[str]) -> None:
    """The fields that speak stand after the label that the detectors know."""
    found = container_text(text)
    assert found is not None
    assert found[0] == name
    assert set(wanted) <= set(found[1].split("\n"))


def test_an_order_names_no_patient() -> None:
    """X12 850: N1 and PID segments of trade are no people."""
    found = container_text(X12_ORDER)
    assert found is not None
    assert "Patient" not in found[1]
    assert "Member" not in found[1]


@pytest.mark.parametrize(
    "text", ["MSH stands for mesh", "ISA is a savings account", '{"a": 1}', '{"resourceType": ', "<p>x</p>", ""]
)
def test_other_text_is_left_alone(text: str) -> None:
    """A text that only looks like a format is read as text."""
    assert container_text(text) is None


@given(st.sampled_from([HL7, X12_CLAIM, FHIR, CDA, CALENDAR]), st.integers(0, 400), st.text(max_size=20))
def test_broken_files_never_raise(text: str, at: int, junk: str) -> None:
    """MP-19: a cut or a splice anywhere gives lines or None."""
    for broken in (text[:at], text[:at] + junk + text[at:]):
        found = container_text(broken)
        assert found is None or found[0] in FORMATS
