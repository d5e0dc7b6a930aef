"""Labels: what they can ask, and which of them fit."""

import pytest

from policy.facts import Sent
from policy.rules import parse_condition
from policy.rules.labels import NO_LABELS, Label, LabelBook, unaskable
from tests.policy.rules.facts_for import facts


def label(when: str, purpose: str = "marketing", name: str = "a") -> Label:
    return Label(name=name, when=parse_condition(when), purpose=purpose)


@pytest.mark.parametrize(
    ("when", "late"),
    [
        ('credential == "ehr" and sender.domain == "clinic.example"', ()),
        ("phi and bulk and recipients.outside > 3", ()),
        ('purpose == "marketing"', ("purpose",)),
        ("not purpose.contradicted", ("purpose.contradicted",)),
        (
            "recipient.ours or consent.authorized or baa.permits",
            ("recipient.ours", "consent.authorized", "baa.permits"),
        ),
    ],
)
def test_what_a_label_cannot_ask(when: str, late: tuple[str, ...]) -> None:
    assert unaskable(parse_condition(when)) == late


def test_which_fit() -> None:
    """Every one is asked; none is asked of a recipient, so there need not be one."""
    book = LabelBook([label('credential == "ehr"', "treatment"), label("urgent", "payment"), label("true", "", "b")])
    about = facts(sent=Sent(login="EHR", is_program=True))
    assert [one.purpose for one in book.fitting(about)] == ["treatment", ""]
    assert NO_LABELS.fitting(about) == ()
    assert book.facts == {"credential", "urgent"}
