"""gateway.message.fields: one reading or none, and edits that leave all other octets alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.fields import HeaderError, split_message, with_changes

MAIL = b"From: a@clinic.example\r\nSubject: one\r\n two\r\nBcc: c@d.example\r\n\r\nBody \xff\r\n\r\n"


def test_splits_into_fields_and_body() -> None:
    """RFC 5322 2.2.3: a folded field is one field."""
    parsed = split_message(MAIL)
    assert [field.name for field in parsed.fields] == ["from", "subject", "bcc"]
    assert parsed.fields[1].raw == b"Subject: one\r\n two\r\n"
    assert parsed.fields[1].text == "one two"
    assert bytes(parsed.body) == b"Body \xff\r\n\r\n"


def test_body_may_be_absent() -> None:
    """RFC 5322 3.5: the empty line belongs to the body, which is optional."""
    parsed = split_message(b"From: a@b\r\n")
    assert (len(parsed.fields), bytes(parsed.body)) == (1, b"")
    assert with_changes(b"From: a@b\r\n", prepend=(b"X: y\r\n",)) == b"X: y\r\nFrom: a@b\r\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no header"),
        (b"\r\nbody\r\n", "no header"),
        (b" From: a@b\r\n\r\n", "malformed"),  # leading blank
        (b"From : a@b\r\n\r\n", "malformed"),  # blank before the colon
        (b"From\r\n : a@b\r\n\r\n", "malformed"),  # folded name
        (b"From: a\0b\r\n\r\n", "malformed"),
        (b"From: a\rb\r\n\r\n", "malformed"),
        (b"From: a\nBcc: b\r\n\r\n", "malformed"),
        (b"From: a@b\r\nno colon here\r\n\r\n", "malformed"),
        (b"From: a@b\r\n\n\r\n", "malformed"),
        (b"From: a@b", "malformed"),  # last line not ended
        (b": no name\r\n\r\n", "malformed"),
        (b"Fr\xc3\xb6m: a\r\n\r\n", "malformed"),
        (b"A: b\r\n" * 1001 + b"\r\n", "more than 1,000"),
        (b"A: " + b"b" * 110_000 + b"\r\n\r\n", "longer than 100 KiB"),
        (b"A: " + b"b" * 110_000, "longer than 100 KiB"),
    ],
)
def test_refuses_what_two_readers_could_read_differently(data: bytes, why: str) -> None:
    """ID-05, MP-07, MP-17, ID-11."""
    with pytest.raises(HeaderError, match=why):
        split_message(data)


def test_changes_whole_fields_only() -> None:
    """Removed, replaced in place, prepended; everything else byte for byte."""
    changed = with_changes(
        MAIL + b"tail",
        remove=frozenset({"bcc"}),
        prepend=(b"Received: x\r\n",),
        replace={"subject": b"Subject: new\r\n", "absent": b"Absent: x\r\n"},
    )
    assert changed == b"Received: x\r\nFrom: a@clinic.example\r\nSubject: new\r\n\r\nBody \xff\r\n\r\ntail"


def test_replaced_twice_becomes_once() -> None:
    """A second Subject would let the tag survive in the other one (ID-09)."""
    data = b"Subject: a\r\nFrom: x@y\r\nsubject: b\r\n\r\n"
    assert with_changes(data, replace={"subject": b"Subject: c\r\n"}) == b"Subject: c\r\nFrom: x@y\r\n\r\n"


@pytest.mark.parametrize("raw", [b"X: a\r\nBcc: b\r\n", b"X: a\r\n\r\n", b"X: a", b"X a\r\n", b"X: a\nb\r\n"])
def test_new_fields_cannot_inject(raw: bytes) -> None:
    """ID-10."""
    with pytest.raises(HeaderError):
        with_changes(MAIL, prepend=(raw,))


@given(st.binary(max_size=200))
def test_reads_or_refuses_anything(data: bytes) -> None:
    """Invariant: HeaderError, or fields plus body add up to the input."""
    try:
        parsed = split_message(data)
    except HeaderError:
        return
    assert parsed.with_fields(field.raw for field in parsed.fields) == data


@pytest.mark.parametrize(
    "header",
    [b"X: " + b"a" * 100_000 + b"\r\n", b"X: a\r\n" + b" \r\n" * 30_000, b"A:b\r\n" * 990, b"X" * 100_000 + b"\r\n"],
)
def test_large_headers_are_cheap(header: bytes) -> None:
    """ID-11, MP-17: linear, so that nothing holds the loop (the bound here is twenty times the aim of 5 ms)."""
    data = header + b"\r\n" + b"x" * 50_000_000
    start = time.process_time()
    try:
        split_message(data)
    except HeaderError:
        assert b":" not in header
    assert time.process_time() - start < 1
