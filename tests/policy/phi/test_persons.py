"""Marks of whom a message names: the same person by whatever way he is written, and nobody else."""

from datetime import date

import pytest

from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.persons import MOST, days_of, id_marks, person_marks

KEY = b"k" * 32
NAMED = CustomDetectors(Custom(persons_key=KEY))


def named(text: str, *, custom: CustomDetectors = NAMED) -> frozenset[str]:
    message = f"From: lab@clinic.example\r\nSubject: Result\r\n\r\n{text}\r\n".encode()
    return frozenset(classify_message(message, custom=custom).named)


@pytest.mark.parametrize(
    "text",
    [
        "Patient: Martha Grimes, DOB 03/31/1961. Hemoglobin A1c 9.1.",
        "Patient: Grimes, Martha\nDate of birth: March 31, 1961\nDiagnosis: type 2 diabetes",
        "Patient name: Martha Q. Grimes, born 1961-03-31, was seen for asthma.",
    ],
)
def test_a_name_with_its_birth_date(text: str) -> None:
    """However name and date are written, the index knows her."""
    assert named(text) & person_marks(KEY, "Martha Grimes", "1961-03-31")


@pytest.mark.parametrize(
    "text",
    [
        "Patient: Martha Grimes, DOB 03/30/1961. Hemoglobin A1c 9.1.",  # another day
        "Patient: Clara Jones, DOB 03/31/1961. Hemoglobin A1c 9.1.",  # another name
        "Patient: Martha Grimes. Hemoglobin A1c 9.1.",  # a name alone is many people's
    ],
)
def test_somebody_else(text: str) -> None:
    assert not named(text) & person_marks(KEY, "Martha Grimes", "1961-03-31")


@pytest.mark.parametrize("text", ["MRN: 0042317", "MRN 0042317", "Medical record number: MRN0042317", "MRN: 00-42317"])
def test_a_record_number(text: str) -> None:
    """With its label or without, and whatever signs are in it."""
    assert named(f"{text}. Her HbA1c is 9.1.") & id_marks(KEY, "MRN-0042317")


def test_nobody_keeps_an_index() -> None:
    """Without a key there are no marks, and with another key other ones."""
    text = "Patient: Martha Grimes, DOB 03/31/1961, MRN 0042317."
    assert not named(text, custom=CustomDetectors(Custom()))
    assert not named(text) & named(text, custom=CustomDetectors(Custom(persons_key=b"x" * 32)))


def test_marks_hold_no_value() -> None:
    """The report travels and is kept: no name, number or date is in it."""
    found = named("Patient: Martha Grimes, DOB 03/31/1961, MRN 0042317.")
    assert found
    assert all(len(mark) == 32 and set(mark) <= set("0123456789abcdef") for mark in found)


def test_a_list_of_patients_is_bounded() -> None:
    rows = "\n".join(f"Patient: Martha Grimes, MRN: {7_000_000 + n}, DOB 03/{n % 28 + 1:02}/1961" for n in range(900))
    assert 0 < len(named(rows)) <= MOST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1961-03-31", [date(1961, 3, 31)]),
        ("19610331", [date(1961, 3, 31)]),
        ("03/31/1961", [date(1961, 3, 31)]),
        ("31.3.1961", [date(1961, 3, 31)]),
        ("04/03/1961", [date(1961, 4, 3), date(1961, 3, 4)]),  # which of both, nobody knows
        ("31-Mar-61", [date(1961, 3, 31), date(2061, 3, 31)]),
        ("March 31st, 1961", [date(1961, 3, 31)]),
        ("03/31/61", [date(1961, 3, 31), date(2061, 3, 31)]),
        ("02/30/1961", []),
        ("0/0/0", []),
        ("", []),
        ("9" * 40, []),
        ("1961", []),
    ],
)
def test_days(text: str, expected: list[date]) -> None:
    assert sorted(days_of(text)) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Patient: Martha Grimes, DOB 03/31/1961, MRN 0042317. Martha has asthma. Mrs. Grimes was seen.", True),
        ("Patient: Grimes, Martha\nDate of birth: March 31, 1961\nDOB: 1961-03-31\nDiagnosis: asthma", True),
        ("Patient: Martha Grimes, DOB 03/31/1961, has asthma.\n\nRegards,\nDr. Robert Jones, MD", True),  # staff
        ("Patient: Martha Grimes, DOB 03/31/1961, and patient Robert Jones have asthma.", False),
        ("Patient: Martha Grimes, DOB 03/31/1961. Patient: DOB 04/30/1970. Both have asthma.", False),
        ("Patient: Martha Grimes, MRN: 0042317, MRN: 0042318, has asthma.", False),
        ("Patient: Martha Grimes, SSN 219-09-9999, spouse SSN 219-09-9998, has asthma.", False),
    ],
)
def test_one_person_or_more(text: str, is_one: bool) -> None:
    """Who the staff is does not count; whatever nobody has two of is a second person's."""
    message = f"From: lab@clinic.example\r\nSubject: Result\r\n\r\n{text}\r\n".encode()
    assert classify_message(message, custom=NAMED).names_one is is_one
