"""Making the edits of a 7-bit form: encodings that decode to what they were, and edits that fit nowhere."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.sevenbit import FIELDS, Change, Edit, SevenBitError, is_seven_bit, shorter_encoding, to_seven_bit

HEADER = b"Subject: x\r\n\r\n"
BODIES = (Change.QUOTE_TEXT, Change.QUOTE_OCTETS, Change.BASE64)


def encoded(body: bytes, change: Change, *, tail: bytes = b"\r\n") -> bytes:
    """The body after its change; tail: what stands behind it."""
    edit = Edit(len(HEADER), len(HEADER) + len(body), change)
    made = to_seven_bit(HEADER + body + tail, [edit])
    assert made.startswith(HEADER)
    return made.removeprefix(HEADER)


def decode(body: bytes, change: Change) -> bytes:
    return base64.b64decode(body) if change is Change.BASE64 else quopri.decodestring(body)


lines = st.binary(max_size=200).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))
odd_lines = st.sampled_from(
    [b".", b"..", b"--", b"-- ", b"--b", b"From me", b"a ", b"\t", b"=", b"=20", b"x" * 76, b"x" * 77, b"x" * 1100]
)
bodies = st.lists(lines | odd_lines | st.builds(lambda n, end: b"y" * n + end, st.integers(60, 80), odd_lines)).map(
    b"\r\n".join
)


@pytest.mark.slow
@pytest.mark.parametrize("change", BODIES)
@given(body=bodies)
def test_encoded_bodies_decode_to_what_they_were(change: Change, body: bytes) -> None:
    """RFC 2045 6.7, 6.8; SM-19: every octet comes back, short lines, and no line that could be a boundary or an end."""
    made = encoded(body, change)
    assert decode(made.removesuffix(b"\r\n"), change) == body
    for line in made.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b"--", b"From ", b"."))
        assert line == line.rstrip(b" \t")


@pytest.mark.parametrize("pad", range(66, 76))
@pytest.mark.parametrize("change", [Change.QUOTE_TEXT, Change.QUOTE_OCTETS])
def test_no_soft_break_forges_a_boundary(change: Change, pad: int) -> None:
    """SM-19: the attack: behind the break a new line would begin with the boundary of the message around it."""
    made = encoded("é".encode() + b"x" * pad + b"--boundary", change)
    assert b"\n--" not in made
    assert quopri.decodestring(made).rstrip(b"\r\n").endswith(b"x--boundary")


def test_the_end_of_the_message_keeps_its_line_end() -> None:
    """Base64 ends its last line where nothing follows; in a part the boundary's own CRLF does."""
    assert encoded(b"\xff\r\n", Change.BASE64, tail=b"") == b"/w0K\r\n"
    assert encoded(b"\xff", Change.BASE64, tail=b"\r\n--b--\r\n") == b"/w==\r\n--b--\r\n"
    assert encoded(b"\xff\r\n", Change.QUOTE_TEXT, tail=b"") == b"=FF\r\n"


@pytest.mark.parametrize(
    ("body", "is_text", "change"),
    [
        ("Grüezi mitenand\r\n".encode() * 9, True, Change.QUOTE_TEXT),
        ("ä".encode() * 99, True, Change.BASE64),
        (b"<a>\xe9</a> and more of it", False, Change.QUOTE_OCTETS),
        (bytes(range(128, 256)), False, Change.BASE64),
        (b"Gr\xfcezi", False, Change.QUOTE_OCTETS),
    ],
)
def test_the_shorter_encoding_is_taken(body: bytes, is_text: bool, change: Change) -> None:
    """SM-19: mostly ASCII stays readable."""
    assert shorter_encoding(body, is_text=is_text) is change
    others = set(BODIES) - {Change.QUOTE_OCTETS if is_text else Change.QUOTE_TEXT, change}
    assert all(len(encoded(body, change)) <= len(encoded(body, other)) for other in others)


def test_text_that_is_mostly_plain_stays_readable() -> None:
    """SM-19: at the price of an octet or two."""
    assert shorter_encoding("Grüezi\r\n".encode(), is_text=True) is Change.QUOTE_TEXT
    assert shorter_encoding("Grüezi\r\n".encode(), is_text=False) is Change.BASE64


@pytest.mark.parametrize(
    ("data", "is_clean"),
    [
        (b"", True),
        (b"x" * 998, True),
        (b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n", True),
        (b"x" * 999, False),
        (b"x" * 999 + b"\r\n", False),
        (b"a\r\n" + b"x" * 999, False),
        (b"x" * 2000 + b"\r\n", False),
        (b"\x80", False),
    ],
)
def test_what_seven_bit_transport_takes(data: bytes, is_clean: bool) -> None:
    """RFC 5321 4.5.3.1.6: 998 octets without CRLF."""
    assert is_seven_bit(data) is is_clean


MESSAGE = b"A: b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\r\nlast\r\n"
BODY_AT = MESSAGE.index(b"\xff")
FIELD_AT = MESSAGE.index(b"Content")


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [Edit(BODY_AT, BODY_AT + 1, Change.BASE64), Edit(BODY_AT, BODY_AT + 1, Change.BASE64)],
        [Edit(BODY_AT, BODY_AT + 1, Change.BASE64), Edit(0, 0, Change.SAY_MIME)],
        [Edit(BODY_AT + 1, BODY_AT, Change.BASE64)],
        [Edit(BODY_AT, len(MESSAGE) + 1, Change.BASE64)],
        [Edit(-4, BODY_AT, Change.BASE64)],
        [Edit(FIELD_AT, len(MESSAGE), Change.BASE64)],
        [Edit(BODY_AT, len(MESSAGE) - 1, Change.QUOTE_TEXT)],
        [Edit(0, FIELD_AT, Change.SAY_7BIT), Edit(BODY_AT, len(MESSAGE), Change.BASE64)],
        [Edit(FIELD_AT, BODY_AT, Change.SAY_7BIT), Edit(BODY_AT, len(MESSAGE), Change.BASE64)],
        [Edit(2, 2, Change.SAY_7BIT), Edit(BODY_AT, len(MESSAGE), Change.BASE64)],
    ],
    ids=["none", "twice", "backwards", "inside out", "past the end", "before it", "header", "half a line",
         "another field", "two fields", "in a line"],
)  # fmt: skip
def test_edits_of_a_bad_reader_change_nothing(edits: list[Edit]) -> None:
    """SM-19: a child that was taken over cannot remove a field, hide one, or leave the message half 8-bit."""
    with pytest.raises(SevenBitError):
        to_seven_bit(MESSAGE, edits)


def test_a_field_replaces_its_own_kind_only() -> None:
    edits = [Edit(FIELD_AT, BODY_AT - 2, Change.SAY_QUOTED), Edit(BODY_AT, len(MESSAGE), Change.QUOTE_TEXT)]
    assert to_seven_bit(MESSAGE, edits) == b"A: b\r\n" + FIELDS[Change.SAY_QUOTED] + b"\r\n=FF\r\nlast\r\n"
