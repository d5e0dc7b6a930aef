"""Identifiers by label, shape and issuer's rules."""

import re

import pytest

from policy.phi.identifiers import find_identifiers
from policy.phi.look import look
from policy.phi.mask import mask
from policy.phi.report import Kind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("SSN: 412-55-7812", Kind.SSN, "412-55-7812"),
        ("social security number is 412 55 7812", Kind.SSN, "412 55 7812"),
        ("SSN 987-65-4321", Kind.SSN, "987-65-4321"),
        ("his number, 412-55-7812, is", Kind.SSN, "412-55-7812"),
        ("Soc Sec No 219 09 9977", Kind.SSN, "219 09 9977"),
        ("MRN 00448812", Kind.MRN, "00448812"),
        ("MRN: #CC-7654321", Kind.MRN, "CC-7654321"),
        ("Chart #: E7028969", Kind.MRN, "E7028969"),
        ("medical record no. 20-91-33", Kind.MRN, "20-91-33"),
        ("Member ID XYZ920654042", Kind.MEMBER_ID, "XYZ920654042"),
        ("insurance is QX-789012", Kind.MEMBER_ID, "QX-789012"),
        ("1EG4-TE5-MK73", Kind.MEMBER_ID, "1EG4-TE5-MK73"),
        ("account 906890091", Kind.ACCOUNT, "906890091"),
        ("DOB 4/6/1971", Kind.DOB, "4/6/1971"),
        ("Date of Birth: March 14, 1981", Kind.DOB, "March 14, 1981"),
        ("born on 11 Feb 1938", Kind.DOB, "11 Feb 1938"),
        ("BirthDt: 1961-03-17", Kind.DOB, "1961-03-17"),
        ("call (603) 555-0182", Kind.PHONE, "(603) 555-0182"),
        ("+1 603 555 0182", Kind.PHONE, "+1 603 555 0182"),
        ("write to jane.doe@home.example today", Kind.EMAIL, "jane.doe@home.example"),
        ("lives at 118 Maple Grove Lane, Dayton", Kind.ADDRESS, "118 Maple Grove Lane"),
        ("a 94-year-old", Kind.AGE_OVER_89, "94-year-old"),
        ("aged 101, frail", Kind.AGE_OVER_89, "aged 101"),
        ("admitted to City Hospital on April 14, 2022", Kind.SERVICE_DATE, "April 14, 2022"),
    ],
)
def test_identifiers_are_found(text: str, kind: Kind, value: str) -> None:
    """The value without its label, of the right kind."""
    assert (kind, value) in {(mention.kind, mention.value) for mention in find_identifiers(look(text))}


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("000-12-3456", Kind.SSN, "area 000 is never issued"),
        ("666-12-3456", Kind.SSN, "area 666 is never issued"),
        ("912-12-3456", Kind.SSN, "areas from 900 are never issued"),
        ("412-00-3456", Kind.SSN, "group 00 is never issued"),
        ("412-12-0000", Kind.SSN, "serial 0000 is never issued"),
        ("order 412-55-7812", Kind.SSN, "an order number"),
        ("412-55-78123", Kind.SSN, "too many digits"),
        ("RMA 771-22-9981 pump returned", Kind.SSN, "a return"),
        ("Lot 412-55-7812 of heparin", Kind.SSN, "a batch"),
        ("an 89-year-old", Kind.AGE_OVER_89, "ages to 89 do not identify"),
        ("page 95, coverage 95%", Kind.AGE_OVER_89, "no age"),
        ("age 90% of", Kind.AGE_OVER_89, "a share"),
        ("MRN: ______", Kind.MRN, "a blank form"),
        ("MRN: see below", Kind.MRN, "no digit"),
        ("NDC 16123-1516-47", Kind.SSN, "a product code"),
        ("DOB: ___/___/____", Kind.DOB, "a blank form"),
        ("part x603-555-01823", Kind.PHONE, "part of a longer number"),
    ],
)
def test_what_only_looks_like_one(text: str, kind: Kind, why: str) -> None:
    """Issuer's rules, counter-labels and blanks."""
    assert kind not in {mention.kind for mention in find_identifiers(look(text))}, why


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        (Kind.SSN, "412-55-7812", "***-**-7812"),
        (Kind.PHONE, "(603) 555-0182", "***-***-0182"),
        (Kind.DOB, "March 14, 1981", "**/**/1981"),
        (Kind.DOB, "3/14/81", "**/**/****"),
        (Kind.EMAIL, "jane@home.example", "j…@h…"),
        (Kind.MRN, "00448812", "…12"),
        (Kind.MEMBER_ID, "XYZ920654042", "…4042"),
        (Kind.NAME, "Maria Gomez", "M… G…"),
        (Kind.DIAGNOSIS, "type 2 diabetes", "t… 2… d…"),
        (Kind.MRN, "1", "…"),
    ],
)
def test_masks_hint_and_hide(kind: Kind, value: str, masked: str) -> None:
    """A reader who knows the value recognises it; one who does not learns little."""
    assert mask(kind, value) == masked


@pytest.mark.parametrize(
    "text",
    [
        "a@b.c",
        "x a.b+c@d-e.example, <f@g.h.i>",
        f"{'a' * 64}@b.c {'a' * 65}@b.c",
        "a@b@c.d @e.f g@h a@b.c.d.e.f.g@h.i",
        "é@ü.example .@. a@b..c",
    ],
)
def test_addresses_are_found_from_their_sign(text: str) -> None:
    """Looking backwards from each "@" finds what one expression finds."""
    bare = re.finditer(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", text)
    found = [mention.value for mention in find_identifiers(look(text)) if mention.kind is Kind.EMAIL]
    assert found == [match[0] for match in bare]


@pytest.mark.parametrize(
    ("text", "is_theirs"),
    [
        ("Call the mother at (603) 555-0182", True),
        ("please reach patient John Ruiz on 603-555-0182", True),
        ("the patient's cell: 603-555-0182", True),
        ("The patient should call 603-555-0182 with questions", False),
        ("our office phone: 603-555-0182", False),
    ],
)
def test_a_phone_of_a_patient_is_surer(text: str, is_theirs: bool) -> None:
    (found,) = find_identifiers(look(text))
    assert (found.kind, found.strength > 0.5) == (Kind.PHONE, is_theirs)


def test_where_somebody_lives_is_surer() -> None:
    (home,) = find_identifiers(look("She lives at 118 Maple Lane"))
    (clinic,) = find_identifiers(look("The clinic at 118 Maple Lane"))
    assert home.strength > 0.5 > clinic.strength
