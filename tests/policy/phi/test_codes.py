"""Codes and measurements: found where they are some, left alone where they are part numbers."""

import time

import pytest

from policy.phi.data.load import vocabulary
from policy.phi.health import find_health
from policy.phi.look import look
from policy.phi.mention import Mention
from policy.phi.report import Kind


def health(text: str) -> list[Mention]:
    return find_health(look(text), vocabulary())


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("E11.9 and F32.A, U07.1", Kind.DIAGNOSIS, {"E11.9", "F32.A", "U07.1"}),
        ("ICD-10: B20, Z21; I10", Kind.DIAGNOSIS, {"B20", "Z21", "I10"}),
        ("dx E119", Kind.DIAGNOSIS, {"E119"}),
        ("Diagnosis code: ABK F1120 ABF I10", Kind.DIAGNOSIS, {"F1120", "I10"}),
        ("CPT codes: 99213-25, 81002", Kind.PROCEDURE, {"99213-25", "81002"}),
        ("HCPCS J1885", Kind.PROCEDURE, {"J1885"}),
        ("NDC 00071-0155-23", Kind.DRUG, {"00071-0155-23"}),
        ("metformin (0071-0155-23)", Kind.DRUG, {"metformin", "0071-0155-23"}),
        ("came back at 126 mg/dL", Kind.LAB, {"126 mg/dL"}),
        ("BP 182/110", Kind.LAB, {"BP 182/110"}),
    ],
)
def test_codes_and_values(text: str, kind: Kind, values: set[str]) -> None:
    found = {mention.value for mention in health(text) if mention.kind is kind and mention.value.lower() != "diagnosis"}
    assert values <= found
    assert not {value for value in found - values if any(map(str.isdigit, value))} - {"126 mg/dL"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("part J1885, bolt 99213", "no word for a procedure"),
        ("room E119, gate B20", "no word for a diagnosis"),
        ("dx A9Z", "no category"),
        ("phone 0071-0155-23 of the office", "no drug beside it"),
        ("BP shares rose 5/6", "a company"),
        ("score 182/110", "a score"),
        ("xX99.9 Q00.0x", "part of something longer"),
    ],
)
def test_what_only_looks_like_one(text: str, why: str) -> None:
    assert not [mention for mention in health(text) if any(map(str.isdigit, mention.value))], why


@pytest.mark.parametrize(
    "text", ["she takes metforman", "ran out of suboxin", "stopped her water pill", "admitted in DKA", "hydrocodine"]
)
def test_misspellings_and_talk(text: str) -> None:
    assert max(mention.strength for mention in health(text)) >= 0.5


def test_codes_without_end_are_linear() -> None:
    """MP-15: lists, labels, drugs and package codes without end."""
    for piece in (
        "dx ",
        "dx I10,",
        "I10, ",
        "cpt 99213 ",
        "0071-0155-23 ",
        "metformin 0071-0155-23 ",
        "1 mg/d",
        "bp 1",
    ):
        text = piece * (60_000 // len(piece))
        view = look(text)
        begun = time.process_time()
        find_health(view, vocabulary())
        assert time.process_time() - begun < 1
