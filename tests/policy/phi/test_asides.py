"""What is told and decides nothing: 45 CFR 164.514(b)(2)(i)(B), (N), (O), and card numbers."""

import time

import pytest

from policy.phi.asides import find_asides
from policy.phi.classify import classify_message
from policy.phi.look import look
from policy.phi.mask import mask
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("text", "kind", "value", "masked"),
    [
        ("see https://chart.example/p/77, please", Kind.URL, "https://chart.example/p/77,", "http…"),
        ("WWW.clinic.example", Kind.URL, "WWW.clinic.example", "www.…"),
        ("from 10.20.30.40.", Kind.IP_ADDRESS, "10.20.30.40", "*.*.*.*"),
        ("Dayton, OH 45402-1234", Kind.ZIP, "45402-1234", "***…"),
        ("card 4111 1111 1111 1111", Kind.CARD, "4111111111111111", "…1111"),
    ],
)
def test_asides(text: str, kind: Kind, value: str, masked: str) -> None:
    (found,) = find_asides(look(text))
    assert (found.kind, found.value) == (kind, value)
    assert mask(kind, value) == masked


@pytest.mark.parametrize(
    "text", ["version 1.2.3", "10.20.30.400", "1.2.3.4.5", "v1.2.3.4", "10 45402", "XX 45402", "www."]
)
def test_no_asides(text: str) -> None:
    assert not list(find_asides(look(text)))


def test_they_never_make_phi() -> None:
    report = classify_message(mail("The server 10.0.0.12 (https://ehr.example/x) shows the diabetes page, TX 75001."))
    assert {Kind.URL, Kind.IP_ADDRESS, Kind.ZIP} <= {finding.kind for finding in report.findings}
    assert not report.phi


def test_a_newsletter_of_links_lists_a_few() -> None:
    """MP-15: and costs no more for its length."""
    view = look("http://a.example/" * 1_000 + " http://b.example/x" * 20_000)
    begun = time.process_time()
    assert len(list(find_asides(view))) == 20
    assert time.process_time() - begun < 1
