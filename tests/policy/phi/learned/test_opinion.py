"""What the model may do to a verdict of the rules, and how that is explained."""

from dataclasses import replace

import pytest

from policy.phi.classify import classify_message
from policy.phi.data.learn import texts_of
from policy.phi.data.mail import LabelledMail
from policy.phi.examine import Examined, examine
from policy.phi.learned.features import features
from policy.phi.learned.opinion import Opinion, is_long, joined, weigh
from policy.phi.learned.weights import BIAS, Model
from policy.phi.report import Report
from policy.phi.tie import THRESHOLD
from tests.policy.phi.messages import attachment, mail, multipart, text_part

AGAINST = Opinion(-5.0, {}, is_complete=True)
FOR = Opinion(5.0, {}, is_complete=True)


def _examined(body: str) -> Examined:
    written = LabelledMail(file="a", number=1, kind="a", is_phi=True, subject="note", sender="Bo", body=body)
    return examine(*texts_of(written))


def test_it_raises_what_the_rules_let_pass() -> None:
    examined = _examined("Bex is throwing up again.")
    assert examined.link.score < THRESHOLD <= joined(examined, FOR).score


def test_it_raises_nothing_without_somebody_and_health() -> None:
    """Words alone, however they weigh, make no PHI: somebody and care must be there, for the rules' reasons."""
    heavy = Model({BIAS: 5.0})
    for body in ("The printer is broken again.", "Tom Reed takes the keys."):
        examined = _examined(body)
        said = weigh(features(examined), heavy)
        assert (said.margin, said.is_complete) == (5.0, False)
        assert joined(examined, said) == examined.link


def test_it_has_no_opinion_on_long_mail() -> None:
    """It has learned from short mail; on a long one the rules decide, and the model costs nothing."""
    examined = _examined("The flu is in town, says Bex. " + "We met and talked of the roof. " * 60)
    assert is_long(examined)
    assert joined(examined, FOR) == examined.link
    assert not is_long(_examined("The flu is in town, says Bex."))


def test_it_raises_longer_mail_only_about_somebody_with_a_name() -> None:
    """A note about "the patient" has pronouns, relatives and capitals as well, and nobody in it can be found."""
    note = "Her mother says she is throwing up again. " + "The roof was mended. " * 30
    heavy = Model({BIAS: 5.0})
    for body, is_raised in ((note, False), (f"{note} Sarah rests.", True), (note[:400], True)):
        examined = _examined(body)
        assert examined.link.score < THRESHOLD
        assert (joined(examined, weigh(features(examined), heavy)).score >= THRESHOLD) is is_raised, body


def test_it_raises_nothing_in_mail_to_everybody() -> None:
    """A newsletter speaks to its readers of illness and means none of them."""
    examined = _examined("Bex is throwing up again.")
    assert joined(replace(examined, generality=0.5), FOR) == examined.link
    assert _examined("Colds are about.\nYou are receiving this newsletter; unsubscribe here.").generality >= 0.5


def test_it_lowers_a_weak_tie() -> None:
    examined = _examined("Tom Reed talks about asthma on Monday.")
    assert joined(examined, AGAINST).score < THRESHOLD <= examined.link.score


@pytest.mark.parametrize(
    "body",
    [
        "MRN 00123456 asthma.",
        "Tom Reed talks about asthma on Monday. DOB 05/01/1970.",
        "Patient: Tom Reed. We talk about asthma on Monday.",
    ],
)
def test_it_lowers_nothing_that_a_label_gives_to_a_patient(body: str) -> None:
    """Fail closed: against a labelled number or name no words count."""
    examined = _examined(body)
    assert examined.link.score >= THRESHOLD
    assert joined(examined, AGAINST) == examined.link


def test_it_lowers_nothing_in_an_attachment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files have fields and columns, of which the model has learned nothing."""
    monkeypatch.setattr("policy.phi.classify.weigh", lambda found, model: AGAINST)
    text = b"Patient: Tom Reed\r\nDiagnosis: asthma\r\n"
    report = classify_message(multipart([text_part("See below."), attachment(text, kind="text/plain", name="a.txt")]))
    assert report.phi


def _report(body: str) -> Report:
    return classify_message(mail(body))


def test_the_explanation_names_classes_and_masks_words() -> None:
    """No word of the message stands in it: only classes of our own table, and first letters."""
    body = "Gwen threw up twice before breakfast, her belly hurts badly and she feels dizzy whenever she stands."
    report = _report(body)
    assert report.phi
    assert report.reasons[0].startswith("This is PHI by its words (")
    assert "threshold 0.47. The rules alone:" in report.reasons[0]
    words = {word for word in body.lower().replace(",", "").split() if len(word) > 4}
    assert not words & set(report.reasons[0].lower().replace(",", "").replace("(", "").split()) - {"symptom"}


def test_the_explanation_is_bounded() -> None:
    report = _report(" ".join(f"Bex has a cough {number}." for number in range(60)))
    assert all(len(reason) < 500 for reason in (*report.reasons, *report.against))
