"""The one pass over a text for all detectors, with the terms of health and without."""

from policy.phi.data.load import vocabulary
from policy.phi.look import look, look_for_identifiers

TEXT = "Fax 12: MRN 448812, dialysis on 5/6; INR 3.1"


def test_terms_are_found_in_the_same_pass() -> None:
    view = look(TEXT)
    assert {term.text for last, term in view.terms if TEXT[: last + 1].lower().endswith(term.text)} >= {
        "dialysis",
        "inr",
    }
    assert all(vocabulary().terms[term.text] is term for _, term in view.terms)


def test_identifiers_are_looked_for_without_terms() -> None:
    """All else is the same."""
    view, bare = look(TEXT), look_for_identifiers(TEXT)
    assert not bare.terms
    assert (bare.words, bare.numbers, bare.lower) == (view.words, view.numbers, view.lower)
    assert view.words["mr"] == [TEXT.index("MRN")]
