"""Phrases that say what a message is for: where they count, and where they say nothing."""

import pytest

from policy.phi.classify import classify_message
from policy.phi.report import SignKind
from policy.phi.signs import KINDS, NOTICE


def signs(body: str, subject: str = "Hello") -> set[tuple[SignKind, str]]:
    head = f"From: Jane Doe <jane@clinic.example>\r\nTo: pat@b.example\r\nSubject: {subject}\r\n\r\n"
    report = classify_message((head + body.replace("\n", "\r\n")).encode())
    return {(sign.kind, sign.phrase) for sign in report.signs}


@pytest.mark.parametrize(("phrase", "kind"), KINDS.items())
def test_each_phrase_is_seen(phrase: str, kind: SignKind) -> None:
    before = "20" if phrase.startswith("%") else ""
    assert (kind, phrase) in signs(f"{before}{phrase.upper()} 1\n")


@pytest.mark.parametrize(
    "body",
    [
        "We met the donators and adoptions.\n",
        "Her couponing habit.\n",
        "Our psychotherapist wrote; no psychotherapy note is in the record.\n",
        "Your lab results are back. Please call us.\n",
        "Text.\n\nSincerely,\nJane Doe\nMake a gift to the hospital\nDonate\n",
    ],
)
def test_what_says_nothing(body: str) -> None:
    """Other words with the same letters, prose about notes, and the appeal that stands below every mail of a house."""
    assert not signs(body)


def test_an_opt_out_may_stand_below() -> None:
    assert signs("Text.\n\nSincerely,\nJane Doe\nUnsubscribe\n") == {(SignKind.OPT_OUT, "unsubscribe")}


def test_a_heading_marks_notes() -> None:
    """45 CFR 164.501: they are kept apart, so they come with their name on them."""
    found = {(SignKind.PSYCHOTHERAPY, "psychotherapy note")}
    assert signs("Psychotherapy notes\nSession 4.\n") == found
    assert signs("Text\n", subject="Psychotherapy note of 3 May") == found


def test_the_notice_of_part_2_is_known_by_its_words() -> None:
    """42 CFR 2.32(a)(2), wherever it stands and is broken; the words before 2024 are none."""
    text = "42 CFR part 2 prohibits unauthorized use or{}disclosure of these records."
    for blank in (" ", "\n", "\n   "):
        assert (SignKind.PART2_NOTICE, NOTICE) in signs(f"Text.\n\nSincerely,\nJane Doe\n{text.format(blank)}\n")
    old = signs("42 CFR part 2 prohibits unauthorized disclosure of these records.\n")
    assert old == {(SignKind.PART2, "42 cfr part 2")}


@pytest.mark.parametrize(
    ("page", "is_read"),
    [
        ("<p>Text</p><p>{}</p>", True),
        ("<p style='display:none'>Text</p><p>{}</p>", True),
        ("<p>Text</p><p style='display:none'>{}</p>", False),
        ("<p>Text</p><!-- {} -->", False),
        ("<title>{}</title><p>Text</p>", False),
    ],
)
def test_a_notice_that_nobody_reads_is_none(page: str, is_read: bool) -> None:
    """42 CFR 2.32(a): it accompanies the records, so it marks them, but the notice itself is still to be put there."""
    head = "From: jane@clinic.example\r\nSubject: Hello\r\nContent-Type: text/html\r\n\r\n"
    notice = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    kinds = {sign.kind for sign in classify_message((head + page.format(notice)).encode()).signs}
    assert (SignKind.PART2_NOTICE in kinds, bool(kinds)) == (is_read, True)
    assert signs("Text\n", subject=notice) == {(SignKind.PART2, "42 cfr part 2")}


def test_the_subject_counts_and_the_place_is_named() -> None:
    assert signs("Text\n", subject="=?utf-8?q?Special_offer?=") == {(SignKind.OFFER, "special offer")}


def test_a_report_holds_no_word_of_the_message() -> None:
    """Only phrases of our own list; a message full of them gives each once."""
    report = classify_message(b"From: a@b.example\r\n\r\nDonate donate Secretname donate\r\n")
    assert [sign.phrase for sign in report.signs] == ["donate"]
