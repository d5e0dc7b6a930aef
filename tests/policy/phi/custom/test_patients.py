"""A list of patients finds exactly them, in the ways people write them, and the list does not tell who they are."""

import pytest

from policy.phi.custom.patients import ListError, Patients, build_list, entry
from policy.phi.look import look
from policy.phi.normalise import normalise
from policy.phi.report import Kind
from tests.cost import growth

KEY = bytes(range(32))
VALUES = ("Jane M. Roe", "Mary-Ann O'Brien", "LK-0012345", "(312) 555-0142", "j.roe@mail.example", "00448812")


@pytest.fixture(scope="module")
def listed() -> bytes:
    """The list of VALUES."""
    return build_list(map(entry, VALUES), KEY)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jane roe called", [(Kind.NAME, "jane roe")]),
        ("Roe, Jane called", [(Kind.NAME, "Roe, Jane")]),
        ("JANE Q. ROE", [(Kind.NAME, "JANE Q. ROE")]),
        ("Mary-Ann O\u2019Brien", [(Kind.NAME, "Mary-Ann O'Brien")]),
        ("chart LK0012345 and lk-0012345.", [(Kind.MRN, "LK0012345"), (Kind.MRN, "lk-0012345")]),
        ("312-555-0142", [(Kind.MRN, "312-555-0142")]),
        ("312 555 0142", [(Kind.MRN, "312 555 0142")]),
        ("mail J.Roe@mail.example now", [(Kind.EMAIL, "J.Roe@mail.example")]),
        ("mrn-00448812", [(Kind.MRN, "00448812")]),
        ("Jane Poe, John Roe, Roe. LK-0012346, 555-0142, 0044881", []),
    ],
)
def test_who_is_found(listed: bytes, text: str, found: list[tuple[Kind, str]]) -> None:
    mentions = Patients(listed, KEY).find(look(normalise(text)))
    assert [(mention.kind, mention.value) for mention in mentions] == found


def test_the_list_tells_nobody(listed: bytes) -> None:
    """No name or number stands in it, and another key gives another list."""
    for value in ("jane", "roe", "0012345", "448812"):
        assert value.encode() not in listed.lower()
    other = build_list(map(entry, VALUES), bytes(32))[0]
    body, other_body = listed.partition(b"}\n")[2], other.partition(b"}\n")[2]
    assert len(body) == 8 * len(VALUES)
    assert {body[at : at + 8] for at in range(0, 48, 8)}.isdisjoint(other_body[at : at + 8] for at in range(0, 48, 8))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda data: data[:-1], "is no list"),
        (lambda data: b"x" + data, "is no list"),
        (lambda data: data.replace(b'"check"', b'"other"'), "is no list"),
        (lambda data: data[:20], "is no list"),
        (lambda data: data.replace(b'"check": "', b'"check": "0'), "another key"),
    ],
)
def test_a_damaged_list_is_refused(listed: bytes, damage: object, why: str) -> None:
    """It must never pass for an empty one."""
    assert callable(damage)
    with pytest.raises(ListError, match=why):
        Patients(damage(listed), KEY)


def test_a_list_of_another_key_is_refused(listed: bytes) -> None:
    """It would find nobody, in silence."""
    with pytest.raises(ListError, match="another key"):
        Patients(listed, bytes(32))


@pytest.mark.parametrize(
    ("value", "why"),
    [("Brown", "one word"), ("1980", "one word"), ("--", "no letters"), ("a b c d e f", "no letters|more than|short"),
     ("one two three four five", "more than"), ("al 9", "too short")],
)  # fmt: skip
def test_what_would_be_in_anybodys_mail_is_no_entry(value: str, why: str) -> None:
    """The error never holds the value: it is shown and logged."""
    with pytest.raises(ValueError, match=why) as error:
        entry(value)
    assert value not in str(error.value)


def test_repr_holds_no_key(listed: bytes) -> None:
    assert repr(Patients(listed, KEY)) == "Patients(6 entries)"


@pytest.mark.slow
def test_short_words_are_linear(listed: bytes) -> None:
    """AB-08: four times the text, words of which no two runs are the same, costs about four times as much."""
    patients = Patients(listed, KEY)

    some, many = (look(" ".join(f"ab{number:04x}" for number in range(count))) for count in (10_000, 40_000))
    assert list(patients.find(many)) == []
    assert growth(lambda: list(patients.find(some)), lambda: list(patients.find(many)), under=10) < 10
