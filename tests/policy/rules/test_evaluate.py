"""What a condition answers: the truth tables of its words, of every operator, and of patterns."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts import Sent
from policy.phi.report import Kind, Report
from policy.rules import RuleBook
from policy.rules.evaluate import matches
from tests.policy.rules.facts_for import facts, found, make


def holds(when: str, about: object = None, **changes: object) -> bool:
    """Whether a condition holds for a message to one recipient."""
    (hits,) = RuleBook([make(when)]).judge(facts(**changes) if about is None else about)  # type: ignore[arg-type]
    return bool(hits)


@pytest.mark.parametrize(("phi", "tagged", "bulk"), list(product((True, False), repeat=3)))
def test_and_or_not(phi: bool, tagged: bool, bulk: bool) -> None:
    """`and` binds closer than `or`, `not` closer than both; brackets decide."""
    report = Report(phi=phi, score=0.0, tagged=tagged, bulk=bulk)
    for when, expected in {
        "phi": phi,
        "not phi": not phi,
        "not not phi": phi,
        "phi and tagged": phi and tagged,
        "phi or tagged": phi or tagged,
        "phi or tagged and bulk": phi or (tagged and bulk),
        "(phi or tagged) and bulk": (phi or tagged) and bulk,
        "not phi and tagged": (not phi) and tagged,
        "not (phi and tagged)": not (phi and tagged),
        "phi and tagged and bulk": phi and tagged and bulk,
        "phi or tagged or bulk": phi or tagged or bulk,
        "true": True,
        "false or phi": phi,
    }.items():
        assert holds(when, report=report) is expected, when


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_comparisons(count: int) -> None:
    report = Report(phi=False, score=0.0, findings=(found(Kind.SSN),) * count)
    for when, expected in {
        "findings.ssn.count == 2": count == 2,
        "findings.ssn.count != 2": count != 2,
        "findings.ssn.count < 2": count < 2,
        "findings.ssn.count <= 2": count <= 2,
        "findings.ssn.count > 2": count > 2,
        "findings.ssn.count >= 2": count >= 2,
        "findings.ssn.count in [1, 3]": count in {1, 3},
        "findings.ssn.count == recipients.count": count == 1,
    }.items():
        assert holds(when, report=report) is expected, when


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('recipient == "B@There.Example"', True),
        ('recipient != "b@there.example"', False),
        ('recipient.domain in ["x.example", "THERE.example"]', True),
        ('recipient.domain in []', False),
        ('recipient.domain within "there.example"', True),
        ('recipient.domain within "*.there.example"', True),
        ('recipient.domain within "here.example"', False),
        ('recipient.domain within "example"', True),
        ('recipient matches "b@*"', True),
        ('recipient matches ["x*", "*.example"]', True),
        ('recipient matches "@there.example"', False),
        ('sender.domain == recipient.domain', False),
        ('sender == "jane.doe@clinic.example"', True),
    ],
)  # fmt: skip
def test_texts(when: str, expected: bool) -> None:
    """Capitals never count; a domain is within itself and what is above it, and not within what it only ends like."""
    assert holds(when) is expected


def test_within_goes_by_labels() -> None:
    assert not holds('recipient.domain within "there.example"', facts("b@nothere.example"))
    assert holds('recipient.domain within "there.example"', facts("b@x.y.there.example"))


@pytest.mark.parametrize(
    ("size", "when", "expected"),
    [(10 << 20, "message.size > 10MiB", False), (1 + (10 << 20), "message.size > 10MiB", True),
     (1024, "message.size == 1KiB", True), (1 << 30, "message.size >= 1GiB", True), (5, "message.size < 6B", True)],
)  # fmt: skip
def test_sizes(size: int, when: str, expected: bool) -> None:
    assert holds(when, sent=Sent(size=size)) is expected


def glob(text: str, pattern: str) -> bool:
    """The same by the book: try every split."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(text[at:], pattern[1:]) for at in range(len(text) + 1))
    return text[:1] == pattern[0] and glob(text[1:], pattern[1:])


@given(st.text("ab", max_size=8), st.text("ab*", max_size=6))
def test_patterns(text: str, pattern: str) -> None:
    """A star stands for any letters, and looking for each piece once misses nothing."""
    assert matches(text, tuple(pattern.split("*"))) is glob(text, pattern)


def test_a_pattern_is_bounded() -> None:
    """The pattern that kills a backtracking matcher takes no time: were it quadratic, this would not end today."""
    assert not matches("a" * 200_000, tuple(("a*" * 2000 + "b").split("*")))
