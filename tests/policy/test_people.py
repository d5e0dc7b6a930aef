"""Who reads at an address, and whom a message is about: nothing is guessed, and nothing that ended counts."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.people import (
    NOBODY,
    NOT_ASKED,
    Basis,
    Link,
    People,
    Person,
    Position,
    Standing,
    Tie,
    acts,
    also_known_as,
    answer,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PAT, KID = (
    Person(id="id:pat", recorded_by="x", recorded_at=NOW),
    Person(id="id:kid", recorded_by="x", recorded_at=NOW, majority_at=NOW + DAY),
)
OWN = Link(
    id="L1", person="id:pat", address="pat@b.example", tie=Tie.SELF, from_at=NOW - DAY, recorded_by="x",
    recorded_at=NOW, verified="identity card",
)  # fmt: skip
MOTHER = replace(OWN, id="L2", person="id:kid", address="mum@b.example", tie=Tie.REPRESENTATIVE, basis=Basis.PARENT)


def register(*links: Link) -> People:
    found = defaultdict[str, tuple[Link, ...]](tuple)
    for link in links:
        found[link.address] += (link,)
    return People({"id:pat": PAT, "id:kid": KID}, {"": (), **found})


def ask(
    *links: Link, recipient: str = "pat@b.example", said: str = "", purpose: str = "treatment", is_only: bool = True
) -> Standing:
    return answer(register(*links), recipient=recipient, said=said, purpose=purpose, is_only=is_only, at=NOW)


def test_an_empty_register_says_nothing() -> None:
    """Who keeps none is told of no stranger; everybody may be a patient."""
    found = answer(NOBODY, recipient="a@b.example", said="id:pat", purpose="", is_only=True, at=NOW)
    assert found == replace(NOT_ASKED, patient="id:pat")
    assert NOT_ASKED.is_patient


def test_the_patient_is_named_or_the_one_whose_address_it_is() -> None:
    """The name that the message gives, else a unique self link; a message to many says it only where it is theirs."""
    assert ask(OWN).patient == "id:pat"
    assert ask(OWN, said="id:kid").patient == "id:kid"
    assert ask(OWN, is_only=False).patient == ""
    assert ask(OWN, is_only=False, purpose="marketing").patient == "id:pat"
    assert ask(OWN, replace(OWN, id="L3", person="id:kid")).patient == ""
    for tie in (Tie.SHARED, Tie.INVOLVED, Tie.REPRESENTATIVE):
        assert ask(replace(OWN, tie=tie)).patient == ""


@pytest.mark.parametrize(
    ("links", "recipient", "said", "position"),
    [
        ((OWN,), "pat@b.example", "", Position.SELF),
        ((OWN,), "pat@b.example", "id:kid", Position.STRANGER),
        ((OWN,), "x@b.example", "id:pat", Position.STRANGER),
        ((MOTHER,), "mum@b.example", "id:kid", Position.REPRESENTATIVE),
        ((MOTHER, replace(OWN, address="mum@b.example")), "mum@b.example", "id:kid", Position.REPRESENTATIVE),
        ((MOTHER, replace(OWN, address="mum@b.example")), "mum@b.example", "", Position.SHARED),
        ((replace(OWN, tie=Tie.SHARED),), "pat@b.example", "", Position.SHARED),
        ((replace(OWN, tie=Tie.SHARED),), "pat@b.example", "id:pat", Position.SHARED),
        ((OWN, replace(OWN, tie=Tie.INVOLVED)), "pat@b.example", "id:pat", Position.INVOLVED),
    ],
)
def test_what_a_recipient_is_to_the_patient(
    links: tuple[Link, ...], recipient: str, said: str, position: Position
) -> None:
    found = ask(*links, recipient=recipient, said=said)
    assert found.position is position
    assert found.is_ambiguous is (position is Position.SHARED and not said)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"from_at": NOW + DAY}, False),
        ({"until_at": NOW}, False),
        ({"until_at": NOW + DAY}, True),
        ({"ended_at": NOW}, False),
        ({"suspended_at": NOW}, False),
    ],
)
def test_a_link_counts_from_until_and_while_mail_arrives(change: dict[str, Any], counts: bool) -> None:
    """A hard bounce suspends it: who reads there now is not known; a patient's address it is still."""
    found = ask(replace(OWN, **change))
    assert (found.patient == "id:pat", found.is_verified) == (counts, counts)
    assert found.is_patient is (counts or "suspended_at" in change)


@pytest.mark.parametrize(
    ("basis", "at", "counts"),
    [
        (Basis.PARENT, NOW, True),
        (Basis.PARENT, NOW + DAY, False),  # 45 CFR 164.502(g)(3): of an unemancipated minor
        (Basis.GUARDIAN, NOW + DAY, False),
        (Basis.COURT, NOW + DAY, True),
        (Basis.POWER_OF_ATTORNEY, NOW + DAY, True),
    ],
)
def test_a_parent_acts_until_majority(basis: Basis, at: datetime, counts: bool) -> None:
    assert acts(replace(MOTHER, basis=basis), KID, at) is counts
    assert not acts(replace(MOTHER, basis=Basis.PARENT), PAT, at)  # of age, or nobody knows better
    assert not acts(MOTHER, None, at)


@pytest.mark.parametrize(
    ("links", "recipient", "position"),
    [
        ((MOTHER,), "mum@b.example", Position.REPRESENTATIVE),
        ((replace(MOTHER, tie=Tie.INVOLVED, basis=None),), "mum@b.example", Position.INVOLVED),
        ((replace(MOTHER, suspended_at=NOW),), "mum@b.example", Position.INVOLVED),
        ((replace(MOTHER, person="id:pat"),), "mum@b.example", Position.INVOLVED),  # of age: the parent acts no more
        ((replace(OWN, suspended_at=NOW),), "pat@b.example", Position.SHARED),
        ((replace(OWN, tie=Tie.SHARED, suspended_at=NOW),), "pat@b.example", Position.SHARED),
    ],
)
@pytest.mark.parametrize("is_said", [True, False])
def test_a_link_that_no_longer_permits_anything_still_forbids(
    links: tuple[Link, ...], recipient: str, position: Position, is_said: bool
) -> None:
    """A bounce, a birthday, or a patient that nobody named gives no recipient more than before (45 CFR 164.502(g))."""
    found = ask(*links, recipient=recipient, said=links[0].person if is_said else "")
    assert found.position is position
    assert found.is_minor is (links[0].person == "id:kid")


def test_two_at_one_address_read_each_others_mail() -> None:
    """Both have it as their own: what one of them chose, such as plain mail, is no choice of the other's."""
    both = (OWN, replace(OWN, id="L3", person="id:kid"))
    for said in ("id:pat", "id:kid", ""):
        assert ask(*both, said=said).position is Position.SHARED


def test_a_patient_has_other_names() -> None:
    """By own links alone, both ways."""
    known = register(OWN, MOTHER)
    assert also_known_as(known, "id:pat") == {"pat@b.example"}
    assert also_known_as(known, "pat@b.example") == {"id:pat"}
    assert also_known_as(known, "id:kid") == frozenset()


def test_a_minor_is_one_until_majority() -> None:
    assert ask(MOTHER, recipient="mum@b.example", said="id:kid").is_minor
    assert not ask(OWN).is_minor
    assert not ask(MOTHER, recipient="mum@b.example", said="id:nobody").is_minor


LINKS = st.lists(
    st.builds(
        Link,
        id=st.just("L"),
        person=st.sampled_from(["id:pat", "id:kid"]),
        address=st.just("pat@b.example"),
        tie=st.sampled_from(Tie),
        basis=st.sampled_from([None, *Basis]),
        from_at=st.sampled_from([NOW - DAY, NOW + DAY]),
        until_at=st.sampled_from([None, NOW, NOW + DAY]),
        suspended_at=st.sampled_from([None, NOW]),
        recorded_by=st.just("x"),
        recorded_at=st.just(NOW),
    ),
    max_size=4,
)


@given(LINKS, st.sampled_from(["", "id:pat", "id:kid", "id:other"]), st.sampled_from(["", "marketing"]), st.booleans())
def test_total_and_without_order(links: list[Link], said: str, purpose: str, is_only: bool) -> None:
    """An answer for every register; order says nothing; nobody is guessed where several read."""
    one, other = (ask(*some, said=said, purpose=purpose, is_only=is_only) for some in (links, links[::-1]))
    assert one == other
    assert not (said and one.patient != said)
    assert not (one.is_ambiguous and one.patient)


@given(LINKS, LINKS)
def test_one_more_reader_names_nobody_new(links: list[Link], more: list[Link]) -> None:
    """A further link takes a guess back or leaves it; it never names another patient where one was known."""
    before, after = ask(*links), ask(*links, *more)
    if before.patient:
        assert after.patient in {before.patient, ""}
