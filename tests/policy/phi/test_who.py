"""Who a name is by the words around it, in short mail: nobody, staff, or somebody whose health is spoken of."""

import pytest

from policy.phi.classify import classify_message
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Guidelines for Wilson's disease in a 42-year-old: which drug first, penicillamine or zinc?", "an eponym"),
        ("Mayor Carla Marsh opens the new ward for breast cancer on Friday.", "an office"),
        ("Pianist Loretta Marsh plays for the cancer ward.", "a trade"),
        (
            'Your task today: "Mrs. Jones" has pneumonia. What do you ask first? What do you order?',
            "an example in quotes",
        ),
        ("Apnea and stroke: a cohort (Tanaka T, Ferrero L). Falls after zolpidem.", "authors"),
        ("Peter Novak '98 leads the stroke program.", "class notes"),
        ("Thanks to Marian and Joe Hartley we have a new mammogram machine.", "two who are thanked"),
        ("The landlord of the dialysis suite is Hugh Marsh.", "who somebody is"),
    ],
)
def test_nobody_is_a_patient(text: str, why: str) -> None:
    assert not classify_message(mail(text)).phi, why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Jonah, your lithium level is 1.3, skip tonight's dose.", "a reader called by name"),
        ("They moved Dad to hospice this morning, his kidneys are failing.", "a relative"),
        ("The doctor found a blood clot and put me on Xarelto.", "the writer"),
        ("Saw Mrs Lopez, wound infection is worse, temp 101.", "a title inside a run"),
        ("Bed 9 Lucero: small bowel obstruction, may need surgery.", "a surname after a bed"),
        ("Carla Marsh RN will be on leave, she is having a hysterectomy.", "staff who is a patient"),
        ("Critical potassium 6.8 on Carla Marsh, 04/19/1961.", "a birth date after a name"),
        (
            "see below\r\n\r\nPID|1||55102233^^^X||MARSH^CARLA||19570312|F\r\nDG1|1||I50.9^Heart failure",
            "HL7 in a text",
        ),
        ("Rm | Resident | Wound\r\n12 | Marsh, T | pressure ulcer\r\n15 | Yuen, W | abscess", "a column of residents"),
    ],
)
def test_somebody_is(text: str, why: str) -> None:
    assert classify_message(mail(text)).phi, why
