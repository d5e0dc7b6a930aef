"""The verdict says what speaks for it and what against, and holds no value (invariant 4)."""

import pytest

from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.report import Kind
from tests.policy.phi.messages import mail, multipart, text_part

PATIENT = "Patient Carla Haddad, DOB 05/01/1970, MRN 00123456, takes metformin after alcohol withdrawal."
SIGNATURE = "\r\n\r\nBest,\r\nAnn Weaver\r\nClinic A"


def test_what_speaks_for_it() -> None:
    """The verdict first, then how much else there is, then topics."""
    reasons = classify_message(mail(PATIENT)).reasons
    assert reasons[0].startswith("This is PHI: ")
    assert reasons[1].startswith("In all: 3 signs of a person, ")
    assert reasons[2] == "It touches what may be protected more strictly: substance use."


@pytest.mark.parametrize(
    ("message", "against"),
    [
        (mail(PATIENT + SIGNATURE), "of providers, staff, the sender or a signature do not count."),
        (
            multipart([text_part("DOB 05/01/1970"), text_part("pneumonia, azithromycin")]),
            "The person and the words of health stand in different parts of the message.",
        ),
        (mail("Carla Haddad has pneumonia."), "Nothing says that this person is a patient."),
        (
            mail(
                "Dear reader,\r\nask your doctor about pneumonia. Carla Haddad writes about vaccines in this issue.\r\n"
                "You receive this newsletter because you subscribed. Unsubscribe at any time. Read more online.",
                extra="List-Unsubscribe: <https://news.example/u>\r\nPrecedence: bulk\r\n",
            ),
            "It reads like mass mail or an article, so people without a sign of being patients count less.",
        ),
    ],
)
def test_what_speaks_against_it(message: bytes, against: str) -> None:
    assert any(reason.endswith(against) for reason in classify_message(message).against)


def test_nothing_speaks_against_a_plain_case() -> None:
    """Who writes to whom does not count, and is not worth a word."""
    assert classify_message(mail("MRN 00123456, DOB 05/01/1970: pneumonia.")).against == ()


def test_exceptions_are_counted() -> None:
    """Who wonders why nothing was found sees that an exception did it."""
    custom = CustomDetectors(Custom(allow=("00123456",)))
    report = classify_message(mail("MRN 00123456: pneumonia."), custom=custom)
    assert report.against[-1] == "Left out as exceptions of this organisation: 1 mention."


def test_both_ends_of_the_tie_are_marked() -> None:
    """The finding of the person and that of health say what each was joined with."""
    report = classify_message(mail("MRN 00123456: pneumonia. Parking permit, 3 pm."))
    tied = {finding.kind: finding.tie for finding in report.findings if finding.tie}
    assert set(tied) == {Kind.MRN, Kind.DIAGNOSIS}
    assert tied[Kind.MRN].startswith("close to a term")
    assert tied[Kind.DIAGNOSIS].startswith("close to a value after a label")


def test_no_sentence_holds_a_value() -> None:
    report = classify_message(mail(PATIENT + SIGNATURE))
    said = " ".join((*report.reasons, *report.against, *(f"{one.why} {one.tie}" for one in report.findings)))
    for value in ("Carla", "Haddad", "1970", "00123456", "metformin", "withdrawal", "Weaver"):
        assert value not in said
