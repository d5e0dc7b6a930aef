"""Tokens, codes and PINs: enough chance, hashes only, constant time (PO-01, PO-04, KY-10)."""

import re
import statistics
import time

import pytest

from gateway.message import pickup


def test_tokens_codes_and_pins_have_their_shape() -> None:
    assert re.fullmatch("[A-Za-z0-9_-]{43}", pickup.new_token())
    assert re.fullmatch("[0-9]{6}", pickup.new_code())
    assert re.fullmatch("[0-9]{4}-[0-9]{4}", pickup.new_pin())
    assert len({pickup.new_token() for _ in range(100)}) == 100
    assert len({pickup.new_code() for _ in range(200)}) > 190


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "is_right"),
    [
        ("4817-2290", True),
        ("48172290", True),
        (" 4817 2290\n", True),
        ("4817-2291", False),
        ("", False),
        ("4" * 10_000, False),
    ],
)
def test_a_pin_is_compared_by_its_digits(typed: str, is_right: bool) -> None:
    assert pickup.is_right(pickup.hash_secret("4817-2290"), typed) is is_right


@pytest.mark.slow
@pytest.mark.alone
def test_ky_10_no_secret_takes_as_long_as_a_wrong_one() -> None:
    """KY-10: a dummy hash stands in, so that time does not tell whether a code was asked for; and it is never right."""

    def taken_s(secret_hash: str) -> float:
        begin = time.process_time()
        assert not pickup.is_right(secret_hash, "000000")
        return time.process_time() - begin

    some = pickup.hash_secret("123456")
    without = statistics.median(taken_s("") for _ in range(5))
    wrong = statistics.median(taken_s(some) for _ in range(5))
    assert 0.3 < without / wrong < 3


def test_a_damaged_hash_is_never_right() -> None:
    assert not pickup.is_right("no hash", "123456")


@pytest.mark.slow
def test_a_reference_belongs_to_one_code_and_does_not_show_it() -> None:
    """The same code, hashed anew, has another reference: nobody can try all codes against it."""
    one, other = pickup.hash_secret("123456"), pickup.hash_secret("123456")
    assert re.fullmatch("[A-Z2-7]{4}", pickup.reference_of(one))
    assert pickup.reference_of(one) == pickup.reference_of(one)
    assert one != other
