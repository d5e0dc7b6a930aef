"""The table of facts: each row gives a value of its type for any message, and the value that its words promise."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given

from policy.facts import Facts, Sent
from policy.phi.report import Kind, Report
from policy.rules.facts import FACTS, PURPOSES, read_all
from policy.rules.syntax import Type
from tests.policy.rules.facts_for import ALL_FACTS, facts, found, to

PYTHON = {
    Type.TRUTH: (bool,),
    Type.NUMBER: (int, float),
    Type.SIZE: (int,),
    Type.TIME: (int,),
    Type.TEXT: (str,),
    Type.TEXTS: (frozenset,),
}


@pytest.mark.slow
@given(ALL_FACTS)
def test_every_fact_has_a_value_of_its_type(about: Facts) -> None:
    """Total: whatever is known or not; texts in lower case, words among those that are listed."""
    for name, fact in FACTS.items():
        for recipient in about.recipients:
            value = fact.read(about, recipient)
            assert isinstance(value, PYTHON[fact.type]), name
            if isinstance(value, str):
                assert value == value.lower(), name
                assert not fact.words or value in fact.words, name


@pytest.mark.slow
@given(ALL_FACTS)
def test_facts_that_are_read_together_are_the_same(about: Facts) -> None:
    """Findings that are sorted once give what each fact finds alone."""
    wanted = [fact for fact in FACTS.values() if not fact.is_about_recipient]
    assert read_all(about, wanted) == [fact.read(about, about.recipients[0]) for fact in wanted]


def test_each_fact_says_what_it_means() -> None:
    for name, fact in FACTS.items():
        assert fact.meaning.endswith("."), name
        assert name == name.lower()
        room = name.partition(".")[0]
        is_personal = room in {"recipient", "consent", "baa", "marketing", "patient"} or name.startswith("campaign.")
        assert fact.is_about_recipient == is_personal, name


def value(name: str, about: Facts, address: str = "b@there.example") -> object:
    return FACTS[name].read(about, to(address))


def test_findings_by_kind() -> None:
    report = Report(
        phi=False, score=0.0, findings=(found(Kind.SSN, 0.65), found(Kind.SSN, 0.97), found(Kind.LAB), found(Kind.MRN))
    )
    about = facts(report=report)
    assert [value(f"findings.ssn.{what}", about) for what in ("count", "sure", "certainty")] == [2, 1, 0.97]
    assert [value(f"findings.dob.{what}", about) for what in ("count", "sure", "certainty")] == [0, 0, 0.0]
    assert [value(f"findings.{what}", about) for what in ("count", "identifiers", "health")] == [4, 3, 1]


def test_recipients() -> None:
    about = facts("a@clinic.example", "b@there.example", "c@THERE.example")
    names = ("recipients.count", "recipients.outside", "recipients.domains")
    assert [value(name, about) for name in names] == [3, 2, 2]
    assert value("recipient.ours", about, "x@CLINIC.example") is True
    assert value("recipient.ours", about, "x@sub.clinic.example") is False


def test_the_clock_is_the_gateways() -> None:
    """2026-11-24 was a Tuesday."""
    at = datetime(2026, 11, 24, 23, 45, tzinfo=timezone(timedelta(hours=-5)))
    about = facts(sent=Sent(at=at))
    assert (value("time", about), value("weekday", about)) == (23 * 60 + 45, "tuesday")


@pytest.mark.parametrize(
    ("said", "seen"), [("Marketing", "marketing"), ("", "unknown"), ("odd", "unknown"), ("unknown", "unknown")]
)
def test_purpose(said: str, seen: str) -> None:
    assert value("purpose", facts(sent=Sent(purpose=said))) == seen
    assert len(PURPOSES) == 18


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("jane.doe@mail.example", True),
        ("DoeJane1985+work@mail.example", True),
        ("jane_doe@mail.example", True),
        ("jane.doe@clinic.example", False),
        ("john.doe@mail.example", False),
        ("jd@mail.example", False),
    ],
)
def test_a_mailbox_that_looks_like_the_senders(address: str, expected: bool) -> None:
    """The same letters in another domain; a handful of letters says nothing."""
    assert value("recipient.looks_like_sender", facts(), address) is expected


def test_credential_and_login() -> None:
    program, person = Sent(login="EHR-1", is_program=True), Sent(login="jane@clinic.example", role="Billing")
    assert [value(name, facts(sent=program)) for name in ("login", "credential", "role")] == ["ehr-1", "ehr-1", ""]
    assert [value(name, facts(sent=person)) for name in ("login", "credential", "role")] == [
        "jane@clinic.example", "", "billing",
    ]  # fmt: skip
