"""Which entries of the consent register speak of a message."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from policy.consent import ANY, TOPICS, Consent, Consents, Kind, answer
from policy.phi.report import TOPICS as REPORTED
from policy.phi.report import Kind as Topic

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PAT, DOC = "pat@b.example", "doc@clinic2.example"
PART2 = Consent(
    id="C1", patient="id:1", kind=Kind.PART2, purposes=("treatment",), recipients=("clinic2.example",),
    given_at=NOW - DAY, recorded_by="privacy", recorded_at=NOW,
)  # fmt: skip
OWN = replace(PART2, patient=PAT, kind=Kind.UNENCRYPTED, purposes=(ANY,), recipients=())
NOTHING = Consents(opted_out=False, confidential=False, restricted=False)


def ask(
    *entries: Consent,
    recipient: str = DOC,
    patient: str = "id:1",
    purpose: str = "treatment",
    aliases: tuple[str, ...] = (),
) -> Consents:
    return answer(entries, recipient=recipient, patient=patient, purpose=purpose, at=NOW, aliases=aliases)


def test_nobody_asked_is_the_strictest_answer() -> None:
    strictest = Consents(opted_out=True, confidential=True, restricted=True)
    assert Consents() == replace(strictest, unencrypted=False, authorized=False, part2=False)


def test_a_consent_is_for_its_patient_recipient_and_purpose() -> None:
    """42 CFR 2.31(a): each is named; none is stretched to another."""
    scope = "for treatment, until it is revoked"
    assert ask(PART2) == replace(NOTHING, part2=True, part2_scope=scope, part2_scopes=(scope,))
    assert ask(replace(PART2, kind=Kind.AUTHORIZATION)) == replace(NOTHING, authorized=True)
    assert ask(replace(PART2, kind=Kind.PSYCHOTHERAPY)) == replace(NOTHING, psychotherapy=True)
    assert ask(replace(PART2, recipients=(DOC,))).part2
    for beside in (
        ask(PART2, patient="id:2"),
        ask(PART2, patient=""),
        ask(PART2, recipient="doc@clinic3.example"),
        ask(PART2, recipient="doc@sub.clinic2.example"),
        ask(PART2, purpose="payment"),
        ask(PART2, purpose="unknown"),
        ask(replace(PART2, recipients=("other@clinic2.example",))),
        ask(replace(PART2, patient=""), patient=""),
        ask(),
    ):
        assert beside == NOTHING
    assert ask(replace(PART2, purposes=(ANY,)), purpose="unknown").part2


def test_every_consent_that_stands_has_its_scope() -> None:
    """What was told below mail of one is still true when another lasts longer; of one that ended it is not."""
    longer = replace(PART2, id="C9", purposes=(ANY,), expires_at=None)
    shorter = replace(PART2, expires_at=NOW + DAY)
    found = ask(shorter, longer)
    assert found.part2_scope == "for any purpose, until it is revoked"
    assert len(found.part2_scopes) == 2
    assert ask(replace(shorter, revoked_at=NOW - DAY / 24), longer).part2_scopes == (found.part2_scope,)


def test_the_scope_says_which_information() -> None:
    """42 CFR 2.31(a)(3), 2.32(b): as far as the register has it."""
    covers = replace(PART2, covers="medication list and attendance", expires_at=NOW + DAY)
    scope = "for treatment, limited to medication list and attendance, until 2026-11-25 unless it is revoked"
    assert ask(covers).part2_scope == scope


def test_an_authorization_may_name_topics() -> None:
    """Of those that let it go to this recipient for its purpose, while they stand; nobody else's word counts."""
    named = replace(PART2, kind=Kind.AUTHORIZATION, topics=("hiv", "mental_health"))
    general = replace(named, id="C2", topics=(), expires_at=NOW + DAY)
    assert ask(named, general).topics == ("hiv", "mental_health")
    assert ask(named, replace(named, id="C3", topics=("reproductive", "hiv"))).topics == (
        "hiv", "mental_health", "reproductive",
    )  # fmt: skip
    for beside in (
        ask(general),
        ask(general, replace(named, purposes=("payment",))),
        ask(general, replace(named, recipients=("c.example",))),
        ask(general, replace(named, expires_at=NOW)),
        ask(general, replace(named, revoked_at=NOW)),
        ask(general, replace(named, patient="id:2")),
        ask(general, replace(named, kind=Kind.PART2)),
    ):
        assert (beside.authorized, beside.topics) == (True, ())
    assert {*TOPICS} == {topic.value for topic in REPORTED - {Topic.MINORS}}  # who is a minor is no information to name


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"given_at": NOW}, True),
        ({"given_at": NOW + DAY}, False),
        ({"expires_at": NOW + DAY}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW}, False),
        ({"revoked_at": NOW + DAY}, True),
    ],
)
def test_in_force(change: dict[str, Any], counts: bool) -> None:
    """Expiry and revocation count from their moment on (45 CFR 164.508(b)(5))."""
    assert ask(replace(PART2, **change)).part2 is counts


def test_what_a_recipient_chose() -> None:
    """By their own address alone, whoever the message is about."""
    assert ask(OWN, recipient=PAT) == replace(NOTHING, unencrypted=True)
    assert ask(OWN, recipient=DOC) == NOTHING
    assert ask(replace(OWN, patient=DOC, kind=Kind.CONFIDENTIAL)) == replace(NOTHING, confidential=True)
    opted = replace(OWN, patient=DOC, kind=Kind.OPT_OUT, purposes=("fundraising",))
    assert ask(opted, purpose="fundraising") == replace(NOTHING, opted_out=True)
    assert ask(opted, purpose="marketing") == NOTHING


def test_a_restriction_is_for_its_patient_recipient_and_purpose() -> None:
    """45 CFR 164.522(a)(1)(vi): the plan does not get what the patient paid in full; others and other purposes do."""
    paid = replace(PART2, kind=Kind.RESTRICTION, purposes=("payment", "operations"))
    assert ask(paid, purpose="payment") == replace(NOTHING, restricted=True)
    for beside in (
        ask(paid, purpose="treatment"),
        ask(paid, purpose="payment", patient="id:2"),
        ask(paid, purpose="payment", recipient="doc@clinic3.example"),
        ask(replace(paid, revoked_at=NOW), purpose="payment"),  # 164.522(a)(2): it was terminated
    ):
        assert not beside.restricted
    for within in (
        ask(paid, purpose="unknown"),  # nobody said; it may be any
        ask(paid, purpose="payment", recipient="doc@mail.clinic2.example"),
        ask(replace(paid, patient="pat@c.example"), purpose="payment", aliases=("pat@c.example",)),
    ):
        assert within.restricted
    part2 = replace(PART2, patient="pat@c.example")
    assert not ask(part2, aliases=("pat@c.example",)).part2, "another name permits nothing"


def test_the_scope_of_a_part_2_consent() -> None:
    """42 CFR 2.32(b): what it covers, of the entry that permits this and lasts longest."""
    until = replace(PART2, id="C2", purposes=("treatment", "payment"), expires_at=NOW + DAY)
    day = f"{NOW + DAY:%Y-%m-%d}"
    assert ask(until).part2_scope == f"for payment, treatment, until {day} unless it is revoked"
    assert ask(until, PART2).part2_scope == ask(PART2, until).part2_scope == "for treatment, until it is revoked"
    assert ask(until, PART2, purpose="payment").part2_scope.startswith("for payment")
    assert ask(replace(PART2, purposes=(ANY,))).part2_scope == "for any purpose, until it is revoked"
    assert ask(PART2, recipient="doc@clinic3.example").part2_scope == ""
