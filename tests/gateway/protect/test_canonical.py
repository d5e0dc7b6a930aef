"""gateway.protect.canonical: RFC 6376 section 3.4, linear on whatever comes."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protect.canonical import BareLineEnd, relaxed_body, relaxed_header

LINES = st.lists(st.sampled_from([b"\r\n", b" ", b"\t", b"a", b"  ", b" \r\n", b"bc\xff"]), max_size=60).map(b"".join)


def body_of(data: bytes) -> bytes:
    return b"".join(relaxed_body(memoryview(data)))


def by_the_book(data: bytes) -> bytes:
    """RFC 6376 section 3.4.4, step by step; slow and obvious."""
    lines = [re.sub(rb"[ \t]+", b" ", line.rstrip(b" \t")) for line in data.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


@given(LINES, st.integers(min_value=1, max_value=7))
def test_pieces_do_not_matter(data: bytes, size: int) -> None:
    """Invariant: whatever the slice, the result is that of the RFC's steps."""
    assert b"".join(relaxed_body(memoryview(data), slice_size=size)) == by_the_book(data)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 section 3.4.6
        (b"no end", b"no end\r\n"),
    ],
)
def test_examples(body: bytes, form: bytes) -> None:
    """RFC 6376 sections 3.4.4 to 3.4.6."""
    assert body_of(body) == form == by_the_book(body)


def test_header_example() -> None:
    """RFC 6376 section 3.4.6."""
    assert relaxed_header("b", b" Y\t\r\n\tZ  ") == b"b:Y Z\r\n"


@pytest.mark.parametrize("body", [b"a\rb\r\n", b"a\nb\r\n", b"a\r", b"\n", b"\r\r\n", b"a \r", b"x" * 65_535 + b"\ry"])
def test_bare_line_ends_are_refused(body: bytes) -> None:
    """CR-10, also across slices."""
    with pytest.raises(BareLineEnd):
        body_of(body)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b" ", b"\r\n", b"a \t", b" \r\n", b" " * 32 + b"a", b"x" * 70 + b"\r\n"])
def test_25_mb_take_less_than_a_second(unit: bytes) -> None:
    """CR-11."""
    data = unit * (25_000_000 // len(unit))
    start = time.process_time()
    body_of(data)
    assert time.process_time() - start < 5
