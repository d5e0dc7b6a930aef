"""Legal classes: who can say one, and that nothing which is merely found makes one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.report import Kind, Place, Report, Sign, SignKind
from policy.sensitivity import Sensitivity, judge_sensitivity
from tests.policy.rules.facts_for import UNREAD, found

CLEAN, PHI = Report(phi=False, score=0.0), Report(phi=True, score=0.9)
P2, NOTES, HIV, BIRTH = Sensitivity
ALL = tuple(Sensitivity)


def signs(*kinds: SignKind) -> tuple[Sign, ...]:
    return tuple(Sign(kind=kind, phrase="…", place=Place(part="1")) for kind in kinds)


MARKED = replace(PHI, signs=signs(SignKind.PART2))


@pytest.mark.parametrize(
    ("said", "labels", "report", "classes"),
    [
        ("", (), PHI, ()),
        ("part2", (), CLEAN, (P2,)),
        (" HIV,  part2 ", (), CLEAN, (P2, HIV)),
        ("", (HIV, HIV), CLEAN, (HIV,)),
        ("hiv", (BIRTH,), MARKED, (P2, HIV, BIRTH)),  # all count together
        ("prt2", (), CLEAN, ALL),  # it meant one, and nobody knows which
        ("part2 and hiv", (), CLEAN, ALL),
        ("", (), MARKED, (P2,)),
        ("", (), replace(PHI, signs=signs(SignKind.PSYCHOTHERAPY, SignKind.OFFER)), (NOTES,)),
        ("", (), replace(CLEAN, signs=signs(SignKind.PART2)), ()),  # a mail about the law
        ("", (), replace(CLEAN, signs=signs(SignKind.PART2), uninspectable=(UNREAD,)), (P2,)),
        ("", (), replace(CLEAN, signs=signs(SignKind.PART2), findings=(found(Kind.DRUG, 0.3),)), (P2,)),
        ("", (), replace(CLEAN, signs=signs(SignKind.PART2), findings=(found(Kind.NAME),)), ()),
    ],
)
def test_who_says_it(
    said: str, labels: tuple[Sensitivity, ...], report: Report, classes: tuple[Sensitivity, ...]
) -> None:
    judged = judge_sensitivity(said, labels, report)
    assert judged.classes == classes
    assert bool(judged.why) is bool(classes)


def test_topics_are_no_class() -> None:
    """Whatever is found, however surely: the same words in another's mail fall under HIPAA alone."""
    everything = replace(PHI, findings=tuple(found(kind, 1.0) for kind in Kind))
    assert judge_sensitivity("", (), everything).classes == ()


def test_each_source_is_named() -> None:
    assert judge_sensitivity("hiv", (BIRTH,), MARKED).why == (
        "Its class is hiv: its sender's system says so (X-Mailward-Sensitivity).",
        "Its class is reproductive: a label of the configuration says so.",
        "Its class is part2: it is marked so.",
    )


@given(
    st.lists(st.sampled_from([*Sensitivity, "odd"]), max_size=3).map(" ".join),
    st.lists(st.sampled_from(Sensitivity), max_size=3),
    st.lists(st.sampled_from(SignKind), max_size=3),
    st.lists(st.sampled_from(SignKind), max_size=3),
    st.booleans(),
)
def test_more_never_takes_a_class_away(
    said: str, labels: list[Sensitivity], marks: list[SignKind], more: list[SignKind], phi: bool
) -> None:
    """Monotone in all that it is asked with."""
    report = Report(phi=phi, score=0.5, signs=signs(*marks))
    before = set(judge_sensitivity(said, labels, report).classes)
    raised = replace(report, phi=True, signs=signs(*marks, *more), findings=(found(Kind.HIV),))
    assert before <= set(judge_sensitivity(said, [*labels, Sensitivity.HIV], raised).classes)
    assert before <= set(judge_sensitivity(f"{said} hiv", labels, report).classes)
