"""Programmes and dictionaries of an organisation."""

import pytest

from policy.phi.custom.terms import Terms, parse_term
from policy.phi.look import look
from policy.phi.report import Kind


def test_terms_are_whole_words_over_line_ends() -> None:
    """A programme says that its member is treated there; a dictionary's term is of its kind."""
    terms = Terms(["Harbor House"], {Kind.DRUG: ["zorvex"]})
    text = "He left Harbor\nHouse on ZORVEX. Harbor Houses, xzorvex."
    assert [(mention.kind, mention.value) for mention in terms.find(look(text))] == [
        (Kind.CLINICAL, "Harbor\nHouse"),
        (Kind.DRUG, "ZORVEX"),
    ]


def test_a_topic_is_health_too() -> None:
    terms = Terms([], {Kind.SUBSTANCE_USE: ["step group"]})
    assert [mention.kind for mention in terms.find(look("the step group"))] == [Kind.CLINICAL, Kind.SUBSTANCE_USE]


@pytest.mark.parametrize(("term", "why"), [("ab", "3 to 100"), ("x" * 101, "3 to 100"), ("(abc)", "begin and end")])
def test_bad_terms(term: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_term(term)
