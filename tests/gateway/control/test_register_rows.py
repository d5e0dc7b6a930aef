"""Rows of the consent register: what an authorization names, and which information a consent covers."""

from datetime import UTC, datetime

import pytest

from gateway.control.register_rows import Maker, read_consent

MAKER = Maker(by="privacy", now=datetime(2026, 11, 25, tzinfo=UTC), key=lambda text: f"id:{text}", new_id=lambda: "C1")
ROW = {
    "patient": "MRN-0042", "kind": "authorization", "purposes": "payment", "recipients": "c.example",
    "expires": "2036-01-01", "evidence": "ab" * 32,
}  # fmt: skip


def test_topics_and_words_are_as_the_document_has_them() -> None:
    """Topics in the order of the table, each once, whichever way they are written; the words as they are."""
    made = read_consent(ROW | {"topics": "HIV substance-use hiv", "covers": " laboratory results. "}, MAKER)
    assert (made.topics, made.covers) == (("substance_use", "hiv"), "laboratory results")
    bare = read_consent(ROW, MAKER)
    assert (bare.topics, bare.covers) == ((), "")


@pytest.mark.parametrize("kind", ["part2", "psychotherapy"])
def test_other_consents_cover_something_as_well(kind: str) -> None:
    """42 CFR 2.31(a)(3), 45 CFR 164.508(c)(1)(i)."""
    assert read_consent(ROW | {"kind": kind, "covers": "attendance"}, MAKER).covers == "attendance"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"topics": "gambling"}, "topics: gambling: none of substance_use, mental_health, hiv, reproductive"),
        ({"topics": "minors"}, "topics: minors"),
        ({"topics": "hiv", "kind": "part2"}, "topics: an authorization names some; part2 does not"),
        ({"covers": "x" * 201}, "covers: at most 200 letters"),
        ({"covers": "résumé"}, "of US-ASCII"),
        ({"covers": "a\nb"}, "of US-ASCII"),  # it is put below mail, and adds no line to it
        ({"covers": "all", "kind": "restriction"}, "covers: restriction has none"),
        (
            {"covers": "all", "kind": "opt-out", "patient": "pat@b.example", "recipients": ""},
            "covers: opt-out has none",
        ),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_consent(ROW | change, MAKER)
