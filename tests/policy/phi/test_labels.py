"""Values after labels: what belongs to somebody, and what only stands after the same word."""

import time

import pytest

from policy.phi.classify import classify_message
from policy.phi.labels import find_labelled
from policy.phi.look import look
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Hosp # 99-12-331", Kind.MRN, "99-12-331"),
        ("pt. id: 009912", Kind.MRN, "009912"),
        ("chart E7028969", Kind.MRN, "E7028969"),
        ("Enrollee ID 88123-01", Kind.MEMBER_ID, "88123-01"),
        ("Insured ID: ABC123456789", Kind.MEMBER_ID, "ABC123456789"),
        ("Health plan beneficiary number: H2231-887", Kind.MEMBER_ID, "H2231-887"),
        ("policy no. 77812-90", Kind.MEMBER_ID, "77812-90"),
        ("prescription no. 7788123", Kind.ACCOUNT, "7788123"),
        ("Mbr ID 882771203", Kind.MEMBER_ID, "882771203"),
        ("plan ID card number is YRP882910023", Kind.MEMBER_ID, "YRP882910023"),
        ("Encounter # 99120031", Kind.ACCOUNT, "99120031"),
        ("Implant serial: SN 4471-JKD", Kind.DEVICE, "4471-JKD"),
        ("Her DL is F255-9215-0094-1", Kind.LICENSE, "F255-9215-0094-1"),
        ("Driver's license D123-4567-8901", Kind.LICENSE, "D123-4567-8901"),
        ("DL# F25592150094", Kind.LICENSE, "F25592150094"),
        ("Passport No. 512345678", Kind.LICENSE, "512345678"),
        ("License number: 44-22131", Kind.LICENSE, "44-22131"),
        ("serial number PJN123456H", Kind.DEVICE, "PJN123456H"),
        ("Fingerprint ID: FP-220391", Kind.BIOMETRIC, "FP-220391"),
        ("Study subject ID 1003-022", Kind.OTHER_ID, "1003-022"),
    ],
)
def test_labelled_values(text: str, kind: Kind, value: str) -> None:
    """45 CFR 164.514(b)(2)(i)(H)-(M), (P), (R)."""
    assert (kind, value) in {(mention.kind, mention.value) for mention in find_labelled(look(text))}


@pytest.mark.parametrize(
    "text",
    [
        "Medicare 2025 open enrollment", "see chart 2024", "Policy HR-1012 covers", "policy 2023-14", "Group 2024 of",
        "Insurance 2024 rates", "Medicaid: 2023 numbers", "visit 2023-05-01", "claim 2024 numbers", "Rx: 500mg twice",
        "chart: see below", "prescription: 20 mg", "account 2024", "serial numbers 12345-12399", "license to operate",
        "member 1234567@example.com", "no prescription 1-800-555-0199", "Insurance 12345 Main St",
    ],
)  # fmt: skip
def test_years_sections_and_amounts_are_no_values(text: str) -> None:
    """A label that is an everyday word needs a mark, or a number too long for a year."""
    assert not list(find_labelled(look(text)))


def test_a_serial_number_is_surer_in_somebodys_body() -> None:
    (bare,) = find_labelled(look("infusion pump, serial no. 8812345, needs repair"))
    (implanted,) = find_labelled(look("pacemaker, serial no. 8812345, was implanted"))
    assert bare.strength < implanted.strength
    assert not classify_message(mail("Recall: infusion pump serial no. 8812345 may stop dialysis.")).phi
    assert classify_message(mail("Pacemaker serial no. 8812345 was implanted, his rhythm is stable.")).phi


def test_labels_without_end_are_linear() -> None:
    """MP-15: text made of labels costs no more than ten times its half."""

    def seconds(text: str) -> float:
        view = look(text)
        begun = time.process_time()
        list(find_labelled(view))
        return time.process_time() - begun

    for piece in ("mrn ", "policy: ", "license no. ", "serial number ", "pt id # ", "chart 20240 ", "s/n:\n"):
        assert seconds(piece * (40_000 // len(piece))) < 1
