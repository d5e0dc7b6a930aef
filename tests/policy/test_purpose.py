"""What a message is for: the nearest word counts, words of the message only add duties, and a contradiction shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.report import Place, Sign, SignKind
from policy.purpose import PURPOSES, STANDS, PurposeSource, judge_purpose

SUBJECT = Place(part="subject")
OFFERS = (
    Sign(kind=SignKind.OFFER, phrase="promo code", place=SUBJECT),
    Sign(kind=SignKind.OFFER, phrase="buy now", place=SUBJECT),
)
APPEALS = (
    Sign(kind=SignKind.APPEAL, phrase="annual fund", place=SUBJECT),
    Sign(kind=SignKind.APPEAL, phrase="your gift", place=SUBJECT),
)
STUDIES = (
    Sign(kind=SignKind.STUDY, phrase="study protocol", place=SUBJECT),
    Sign(kind=SignKind.STUDY, phrase="clinical trial", place=SUBJECT),
)
SIGNS = st.lists(st.sampled_from([*OFFERS, *APPEALS, *STUDIES]), unique=True)


@pytest.mark.parametrize(
    ("said", "labels", "signs", "word", "source"),
    [
        ("treatment", ("marketing",), (), "treatment", PurposeSource.HEADER),
        (" Marketing ", (), (), "marketing", PurposeSource.HEADER),
        ("odd", ("marketing",), (), "marketing", PurposeSource.LABEL),
        ("unknown", (), (), "unknown", PurposeSource.NOBODY),
        ("", ("payment", "payment"), (), "payment", PurposeSource.LABEL),
        ("", ("payment",), STUDIES, "payment", PurposeSource.LABEL),
        ("", (), OFFERS, "marketing", PurposeSource.CONTENT),
        ("", (), (*APPEALS, *OFFERS), "marketing", PurposeSource.CONTENT),
        ("", (), APPEALS, "fundraising", PurposeSource.CONTENT),
        ("", (), STUDIES, "research", PurposeSource.CONTENT),
        ("", (), (OFFERS[0], APPEALS[0]), "unknown", PurposeSource.NOBODY),
        ("", (), (), "unknown", PurposeSource.NOBODY),
    ],
)
def test_the_nearest_word_counts(
    said: str, labels: tuple[str, ...], signs: tuple[Sign, ...], word: str, source: PurposeSource
) -> None:
    purpose = judge_purpose(said, labels, signs)
    assert (purpose.word, purpose.source, purpose.contradiction) == (word, source, "")


@pytest.mark.parametrize(
    ("claim", "signs", "is_contradicted"),
    [
        ("treatment", OFFERS, True),  # 45 CFR 164.501: an offer is marketing whoever calls it care
        ("individual", OFFERS, True),
        ("fundraising", OFFERS, True),
        ("marketing", OFFERS, False),
        ("operations", APPEALS, True),
        ("fundraising", APPEALS, False),
        ("marketing", APPEALS, False),
        ("treatment", STUDIES, False),  # who tells of a study need not do research
        ("treatment", OFFERS[:1], False),  # one phrase may stand in any mail
        ("treatment", (), False),
    ],
)
def test_words_that_speak_against_a_claim(claim: str, signs: tuple[Sign, ...], is_contradicted: bool) -> None:
    """The reason names phrases of our list and where they stand, nothing else of the message."""
    for said, labels in ((claim, ()), ("", (claim,))):
        why = judge_purpose(said, labels, signs).contradiction
        assert bool(why) is is_contradicted
        assert not why or (signs[0].phrase in why and "subject" in why)


def test_labels_that_disagree_are_no_purpose() -> None:
    purpose = judge_purpose("", ("treatment", "marketing"), ())
    assert (purpose.word, purpose.contradiction) == (
        "unknown", "Labels of the configuration disagree what it is for: marketing, treatment.",
    )  # fmt: skip
    assert judge_purpose("", ("marketing", "treatment"), ()) == purpose  # their order says nothing
    assert not judge_purpose("payment", ("treatment", "marketing"), ()).contradiction


@given(st.sampled_from(["", "odd", *sorted(PURPOSES)]), st.lists(st.sampled_from(sorted(PURPOSES)), max_size=3), SIGNS)
def test_total_and_without_order(said: str, labels: list[str], signs: list[Sign]) -> None:
    """Always a purpose; the order of labels and signs says nothing of it, and words never make mail care."""
    purpose = judge_purpose(said, labels, signs)
    again = judge_purpose(said, labels[::-1], signs[::-1])
    assert purpose.word in PURPOSES
    assert (purpose.word, purpose.source, bool(purpose.contradiction)) == (
        again.word, again.source, bool(again.contradiction),
    )  # fmt: skip
    if purpose.source is PurposeSource.CONTENT:
        assert purpose.word in {"marketing", "fundraising", "research"}
    assert set(STANDS) <= PURPOSES


@given(st.sampled_from(sorted(PURPOSES)), SIGNS, SIGNS)
def test_a_sign_more_takes_no_contradiction_back(said: str, signs: list[Sign], more: list[Sign]) -> None:
    """Monotone: what is held for its words stays so, whatever is written beside them."""
    before, after = (judge_purpose(said, ("treatment",), some) for some in (signs, [*signs, *more]))
    assert after.word == before.word
    assert after.contradiction or not before.contradiction
