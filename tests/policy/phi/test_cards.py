"""Card numbers: what is one, what only looks like one, and that they never make PHI by themselves.."""

import time

import pytest

from policy.phi.cards import find_cards, is_luhn
from policy.phi.classify import classify_message
from policy.phi.look import look
from policy.phi.report import Kind


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "5555 5555 5555 4444", "2223003122003222",
        "3782 822463 10005", "6011 1111 1111 1117", "3056 9309 0259 04", "3530111333300000", "no. 4222222222222.",
    ],
)  # fmt: skip
def test_cards(text: str) -> None:
    (found,) = find_cards(look(text))
    assert (found.kind, found.strength) == (Kind.CARD, 0.6)
    (surer,) = find_cards(look(f"Credit card {text}"))
    assert surer.strength == 0.95


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112", "4111 1111 1111 111", "41111111111111111111", "9111111111111111", "A4111111111111111",
        "4111.1111.1111.1111", "1-4111111111111111", "4111  1111  1111  1111", "", "visa", "x4111111111111111y",
    ],
)  # fmt: skip
def test_no_cards(text: str) -> None:
    assert list(find_cards(look(text))) == []


def test_check_digit() -> None:
    """ISO/IEC 7812-1 annex B."""
    assert [last for last in range(10) if is_luhn(f"7992739871{last}")] == [3]


def test_they_are_told_masked_and_make_no_phi() -> None:
    report = classify_message(b"From: a@b.example\r\n\r\nMy card is 4111 1111 1111 1111, thank you.\r\n")
    (found,) = [finding for finding in report.findings if finding.kind is Kind.CARD]
    assert found.masked == "…1111"
    assert not report.phi


def test_digits_without_end_are_linear() -> None:
    """MP-19."""
    for text in ("1" * 500_000, "1 " * 250_000, "4111-" * 100_000):
        begun = time.process_time()
        assert not list(find_cards(look(text)))
        assert time.process_time() - begun < 2
