"""Names and the roles that the words around give them."""

import pytest

from policy.phi.data.load import vocabulary
from policy.phi.mention import Role
from policy.phi.names import find_names
from policy.phi.zones import flow


def _roles(text: str) -> dict[str, Role]:
    return {mention.value: mention.role for mention in find_names(text, vocabulary())}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Patient: Gomez, Maria L", "Gomez, Maria L"),
        ("Pt: WATSON, JANET", "WATSON, JANET"),
        ("RE: Anna Reynolds", "Anna Reynolds"),
        ("Ms. Achebe is a 71-year-old teacher", "Achebe"),
        ("Iris Ward was discharged on Monday", "Iris Ward"),
        ("a 60-year-old female, Sarah Thompson, with chest pain", "Sarah Thompson"),
        ("Hi doctor, it's Kai Johnson.", "Kai Johnson"),
        ("Bed 253: Minh Carroll, hypertension", "Minh Carroll"),
        ("Xqzzy Vrabel was admitted last night", "Xqzzy Vrabel"),
        ("Powell, Joshua: home meds", "Powell, Joshua"),
        ("judge, ruby: home meds", "judge, ruby"),
    ],
)
def test_patients(text: str, name: str) -> None:
    """Labels, titles, ages and what happens to patients; known to the lists or not, with capitals or without."""
    assert _roles(text).get(name) is Role.PATIENT


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("seen by Dr. Emily Carter today", "Emily Carter"),
        ("Judy Hawkins, MD", "Judy Hawkins"),
        ("Follow up with Donald Zhang, DO.", "Donald Zhang"),
        ("Contact Guadalupe Lawson at the desk", "Guadalupe Lawson"),
        ("Employee: Olga Greene", "Olga Greene"),
        ("Kavita Roberts will present the numbers", "Kavita Roberts"),
        ("Provider: Jade Cheung", "Jade Cheung"),
    ],
)
def test_staff(text: str, name: str) -> None:
    """Titles, credentials and jobs."""
    assert _roles(text).get(name) is Role.STAFF


@pytest.mark.parametrize(
    "text",
    [
        "PREOPERATIVE DIAGNOSIS",
        "St. Brendan Medical Center",
        "Riverbend Oncology",
        "Discharge Instructions",
        "The Monday Meeting",
        "Parkinson Disease",
    ],
)
def test_not_names(text: str) -> None:
    """Headings, places and diseases are nobody."""
    assert not [name for name, role in _roles(text).items() if role is not Role.STAFF]


def test_a_name_that_a_program_wrapped_is_one_name() -> None:
    """MP-14: names split over a line fold are joined before matching (`zones.flow`)."""
    text = flow("The results that you asked for yesterday belong to the patient Whitney\nBarlow and are attached.")
    assert _roles(text).get("Whitney Barlow") is Role.PATIENT


def test_ms_before_a_product_is_no_title() -> None:
    """ "MS Windows" is a product; "Ms. Delgado" and "MS DELGADO" are people."""
    assert not find_names("It runs on MS Windows today.", vocabulary())
    assert find_names("Ms Delgado was here.", vocabulary())
    assert find_names("MS DELGADO was here.", vocabulary())


@pytest.mark.parametrize(
    "text",
    [
        "Rick Adams, our rep at the company, will demo it.",
        "Sarah Lee's article on genetics",
        "Jane Miller and Tom Hale will present the numbers.",
        "Ann Ward and Bill Moss: please review the draft.",
        "George Allen donated to the walk.",
        "Ed Turner to fix the air in the ICU",
        "Nina Katz studies schizophrenia",
        "Catherine Bell, VP Marketing, wants a banner",
        "Victor Cruz is the speaker for the seminar",
    ],
)
def test_people_at_work_are_staff(text: str) -> None:
    """What somebody does at work says that he or she is not the patient of the message."""
    assert {mention.role for mention in find_names(text, vocabulary()) if mention.start < 4} == {Role.STAFF}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Insurance denied Karen O'Neil's Humira", "Karen O'Neil"),
        ("Maria Gomez's Lisinopril is ready", "Maria Gomez"),
        ("the sleep study of Dana Whitfield", "Dana Whitfield"),
    ],
)
def test_owners_are_named_without_what_they_own(text: str, name: str) -> None:
    (found,) = find_names(text, vocabulary())
    assert (found.value, found.role) == (name, Role.UNKNOWN)


@pytest.mark.parametrize(
    "text", ["St. Jude's Hospital", "Women's Health Clinic", "Crohn's Disease", "Children's Center"]
)
def test_what_belongs_to_a_saint_is_no_person(text: str) -> None:
    assert not find_names(text, vocabulary())
