"""Unicode tricks are folded before matching (MP-13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.classify import classify_message
from policy.phi.normalise import lower_case, normalise
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("\uff14\uff11\uff12-\uff15\uff15-\uff17\uff18\uff11\uff12", "full-width digits"),
        ("\u0664\u0661\u0662-\u0665\u0665-\u0667\u0668\u0661\u0662", "Arabic-Indic digits"),
        ("4\u200b12-5\u200d5-78\ufeff12", "zero-width characters"),
        ("412-\u00ad55-\u00ad7812", "soft hyphens"),
        ("412\u201155\u20137812", "other hyphens"),
        ("\u202e412-55-7812\u202c", "a right-to-left override"),
        ("412\u00a0-\u00a055-7812".replace("\u00a0-\u00a0", "-"), "plain"),
        ("4\u034f12-55-7812", "a combining grapheme joiner"),
    ],
)
def test_an_ssn_is_found_however_it_is_written(written: str, why: str) -> None:
    """MP-13: what a reader sees as 412-55-7812 is found as that."""
    report = classify_message(mail(f"SSN: {written}. He has asthma."))
    assert any(finding.kind is Kind.SSN for finding in report.findings), why
    assert report.phi


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("\u0430sthm\u0430", "asthma"),
        ("di\u0430betes", "diabetes"),
        ("M\u0435tf\u043erm\u0456n", "Metformin"),
        ("\uff28\uff29\uff36", "HIV"),
        ("Mu\u0308ller", "M\u00fcller"),
        ("\ufb01brosis", "fibrosis"),
        ("a\tb\r\nc\rd\u2028e", "a b\nc\nd\ne"),
    ],
)
def test_lookalikes_fold(written: str, plain: str) -> None:
    """MP-13: Cyrillic look-alikes, compatibility forms, combining marks, line ends."""
    assert normalise(written) == plain


@given(st.text())
def test_normalising_never_fails_and_settles(text: str) -> None:
    """The invariant: any text folds, holds no invisible character, and lower case keeps offsets."""
    folded = normalise(text)
    assert "\u200b" not in folded
    assert "\r" not in folded
    assert len(lower_case(folded)) == len(folded)
