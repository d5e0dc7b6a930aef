"""Recall and false alarms on the project's own short mail (`short_mail.tsv`), terse as people write it."""

from pathlib import Path

from policy.phi.classify import classify_message
from tests.policy.phi.messages import mail

ROWS = [
    line.split("\t")
    for line in (Path(__file__).parent / "short_mail.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def _wrong(label: str) -> list[str]:
    return [
        subject
        for row_label, subject, body in ROWS
        if row_label == label and classify_message(mail(body, subject=subject)).phi != (label == "phi")
    ]


def test_recall() -> None:
    """At least 95 of 100 are found; a missed one is worse than a false alarm."""
    wrong = _wrong("phi")
    assert len(wrong) <= 0.05 * sum(label == "phi" for label, _, _ in ROWS), wrong


def test_false_alarms() -> None:
    """At most 5 of 100 harmless ones, chosen to look like the others, are called PHI."""
    wrong = _wrong("not_phi")
    assert len(wrong) <= 0.05 * sum(label == "not_phi" for label, _, _ in ROWS), wrong
