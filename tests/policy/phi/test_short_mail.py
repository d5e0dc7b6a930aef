"""Recall and false alarms of the rules alone on the project's own terse mail: what the model learns from, too."""

from policy.phi.data.learn import texts_of
from policy.phi.data.mail import MAIL, labelled_mail
from policy.phi.examine import examine
from policy.phi.tie import THRESHOLD

ROWS = list(labelled_mail(MAIL / "short-06.txt"))


def _wrong(*, is_phi: bool) -> list[str]:
    return [
        mail.name
        for mail in ROWS
        if mail.is_phi is is_phi and (examine(*texts_of(mail)).link.score >= THRESHOLD) is not is_phi
    ]


def test_recall() -> None:
    """At least 95 of 100 are found; a missed one is worse than a false alarm."""
    wrong = _wrong(is_phi=True)
    assert len(wrong) <= 0.05 * sum(mail.is_phi for mail in ROWS), wrong


def test_false_alarms() -> None:
    """At most 5 of 100 harmless ones, chosen to look like the others, are called PHI."""
    wrong = _wrong(is_phi=False)
    assert len(wrong) <= 0.05 * sum(not mail.is_phi for mail in ROWS), wrong
