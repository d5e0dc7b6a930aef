"""What an organisation adds changes verdicts, and shows masked."""

import pytest

from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.custom.patients import build_list, entry
from policy.phi.report import Kind
from tests.policy.phi.messages import mail

KEY = bytes(32)
CASES = [
    (Custom(mrn_shapes=(r"LK\d{2}[A-Z]\d{3}",)), "LK12B345 has pneumonia and is on azithromycin.", Kind.MRN),
    (Custom(programmes=("Blue Door",)), "Jane Roe, DOB 05/01/1970, joined Blue Door.", Kind.CLINICAL),
    (
        Custom(dictionaries=((Kind.DRUG, ("zorvexil",)),)),
        "Patient Jane Roe, DOB 05/01/1970, takes zorvexil.",
        Kind.DRUG,
    ),
    (
        Custom(patients=build_list([entry("rain cloud")], KEY)[0], patients_key=KEY),
        "rain cloud has pneumonia and is on azithromycin.",
        Kind.NAME,
    ),
]


@pytest.mark.parametrize(("custom", "body", "kind"), CASES)
def test_what_is_added_makes_phi(custom: Custom, body: str, kind: Kind) -> None:
    """Without it the message is harmless; with it the finding is there, its value masked."""
    detectors = CustomDetectors(custom)
    before, after = classify_message(mail(body)), classify_message(mail(body), custom=detectors)
    assert (before.phi, after.phi) == (False, True)
    new = [finding for finding in after.findings if finding not in before.findings]
    assert kind in {finding.kind for finding in new}
    for finding in new:
        assert finding.masked not in body
        assert finding.place.line == 1


def test_what_is_allowed_is_nobody() -> None:
    """Its exact value, in any case and with any signs; everything else is found as before."""
    body = "Patient Jane Roe has asthma. Call (312) 555-0142."
    assert classify_message(mail(body)).phi
    allowed = CustomDetectors(Custom(allow=("JANE  ROE", "312.555.0142")))
    report = classify_message(mail(body), custom=allowed)
    assert not report.phi
    assert not {finding.kind for finding in report.findings} & {Kind.NAME, Kind.PHONE}
    assert classify_message(mail(body.replace("Roe", "Poe")), custom=allowed).phi


def test_repr_holds_no_key() -> None:
    assert "key" not in repr(CASES[3][0])
