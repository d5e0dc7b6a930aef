"""Numbers with check digits: a right one is found, and any one digit changed is not."""

import time
from collections.abc import Callable

import pytest

from policy.phi.checked import find_checked, find_professional, is_dea, is_gtin, is_iban, is_routing, is_vin
from policy.phi.classify import classify_message
from policy.phi.look import look
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1EG4-TE5-MK73", Kind.MEMBER_ID, "1EG4-TE5-MK73"),
        ("medicare no 1eg4te5mk73", Kind.MEMBER_ID, "1eg4te5mk73"),
        ("1EG4 TE5 MK73", Kind.MEMBER_ID, "1EG4 TE5 MK73"),
        ("her car, 1HGCM82633A004352, was", Kind.VEHICLE, "1HGCM82633A004352"),
        ("VIN: WBA3A5C50FF123456", Kind.VEHICLE, "WBA3A5C50FF123456"),
        ("license plate 7ABC123", Kind.VEHICLE, "7ABC123"),
        ("Plate no. KLM 4431", Kind.VEHICLE, "KLM 4431"),
        (
            "(01)00844588003288(17)141120(10)7654321D(21)10987654d433", Kind.DEVICE,
            "(01)00844588003288(17)141120(10)7654321D(21)10987654d433",
        ),
    ],
)  # fmt: skip
def test_of_patients(text: str, kind: Kind, value: str) -> None:
    """45 CFR 164.514(b)(2)(i)(I), (L), (M)."""
    assert (kind, value) in {(mention.kind, mention.value) for mention in find_checked(look(text))}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1EG4-TE5-MK7", "too short"),
        ("1SG4-TE5-MK73", "S is never in the second place"),
        ("0EG4-TE5-MK73", "the first digit is not 0"),
        ("1HGCM82633A004353", "wrong check digit"),
        ("12345678901234567", "digits alone are a tracking number"),
        ("1Z999AA10123456784", "a parcel"),
        ("96 well plate 12", "no number of a car"),
        ("(01)00844588003288", "a model and no device"),
        ("(01)00844588003289(21)10987654", "wrong check digit"),
    ],
)
def test_not_of_patients(text: str, why: str) -> None:
    assert not list(find_checked(look(text))), why


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NPI 1234567893", Kind.PROVIDER_ID),
        ("NPI: 1245319599", Kind.PROVIDER_ID),
        ("DEA# BM1234563", Kind.PROVIDER_ID),
        ("IBAN GB82 WEST 1234 5698 7654 32", Kind.BANK_ACCOUNT),
        ("DE89370400440532013000", Kind.BANK_ACCOUNT),
        ("routing number 011000015", Kind.BANK_ACCOUNT),
    ],
)
def test_of_providers_and_banks(text: str, kind: Kind) -> None:
    """Any one digit changed, and it is none: a check digit catches every single error."""
    assert [mention.kind for mention in find_professional(look(text))] == [kind]
    last = max(index for index, character in enumerate(text) if character.isdigit())
    wrong = f"{text[:last]}{(int(text[last]) + 1) % 10}{text[last + 1 :]}"
    assert not list(find_professional(look(wrong)))


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (is_vin, "1M8GDM9AXKP042788"),
        (is_dea, "ab1234563"),
        (is_iban, "GB82WEST12345698765432"),
        (is_routing, "021000021"),
        (is_gtin, "00844588003288"),
    ],
)
def test_check_digits(check: Callable[[str], bool], right: str) -> None:
    """The examples of the issuers; of the ten last digits exactly one is right where the check digit is last."""
    assert check(right)
    assert [digit for digit in "0123456789" if check(right[:-1] + digit)] == [right[-1]]


def test_they_are_told_and_decide_nothing() -> None:
    """A roster of prescribers and a bank's number is no PHI; a rule can ask for both all the same."""
    report = classify_message(mail("Dr. Susan Miller, NPI 1234567893, DEA BM1234563, oncology. ABA 011000015."))
    assert not report.phi
    found = {(finding.kind, finding.masked) for finding in report.findings}
    assert {(Kind.PROVIDER_ID, "…893"), (Kind.PROVIDER_ID, "…563"), (Kind.BANK_ACCOUNT, "…015")} <= found


def test_digits_without_end_are_linear() -> None:
    """MP-15."""
    for text in (
        "1HGCM8" * 40_000,
        "(01)" * 50_000,
        "AA11 " * 40_000,
        "vin " * 50_000,
        "1EG4-" * 40_000,
        "npi 1" * 40_000,
    ):
        view = look(text)
        begun = time.process_time()
        list(find_checked(view))
        list(find_professional(view))
        assert time.process_time() - begun < 2
