"""The DATA reader, fed whole, byte by byte and in random cuts: the same result each time."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.data import MAX_LINE, DataReader, End, Fault

LIMIT = 5000


def read(data: bytes, cuts: list[int] | None = None, limit: int = LIMIT, *, repairs_lines: bool = False) -> End | None:
    """Feed data in blocks that end at the cuts; None when it does not end. rest: what no feed looked at, joined on."""
    reader = DataReader(limit, repairs_lines=repairs_lines)
    edges = [0, *sorted(set(cuts or [])), len(data)]
    for start, stop in itertools.pairwise(edges):
        if end := reader.feed(data[start:stop]):
            return End(end.message, end.rest + data[stop:], end.fault)
    return None


def bytewise(data: bytes, limit: int = LIMIT, *, repairs_lines: bool = False) -> End | None:
    return read(data, list(range(len(data))), limit, repairs_lines=repairs_lines)


def stuffed(message: bytes) -> bytes:
    """What a client sends for a message of whole lines (RFC 5321 section 4.5.2)."""
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@pytest.mark.parametrize(
    "message", [b"", b".\r\n", b"..\r\n", b".x\r\n", b"a\r\n.\r\n.\r\nb\r\n", b"\r\n", b"\r\n\r\n.\r\n", b"a.\r\n"]
)
def test_dots_survive(message: bytes) -> None:
    """SM-08: dots come back exactly, the empty message is one, what follows is left for the next command."""
    data = stuffed(message) + b"QUIT\r\n"
    for end in (read(data), bytewise(data)):
        assert end is not None
        assert (end.message, end.fault) == (message, None)
    assert read(data) == End(message, b"QUIT\r\n", None)


@pytest.mark.parametrize(
    "false_end",
    [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\n.\r", b"\r\n.\n", b"\r\n.\rx", b"\r\n\0.\r\n",
     b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\r\n", b"\n", b"\rx", b"\0"],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"a\r\nb", b"", b"a\r\n"])
def test_false_ends_are_malformed(false_end: bytes, before: bytes) -> None:
    """SM-01, SM-02, SM-03, SM-04, SM-07, wherever the blocks are cut."""
    data = before + false_end + b"x\r\n.\r\n"
    for end in (read(data), bytewise(data)):
        assert end is not None
        assert (end.fault, end.message) == (Fault.MALFORMED, b"")


@pytest.mark.parametrize(
    ("length", "fault"),
    [(998, None), (999, Fault.LINE_TOO_LONG), (1000, Fault.LINE_TOO_LONG), (4500, Fault.LINE_TOO_LONG)],
)
@pytest.mark.parametrize("before", [b"", b"short\r\n"])
def test_line_length(length: int, fault: Fault | None, before: bytes) -> None:
    """SM-13: 998 octets and CRLF are a line, more are not; a stuffed dot does not count."""
    for line in (b"x" * length, b"." + b"x" * (length - 1)):
        data = stuffed(before + line + b"\r\nlast\r\n")
        for end in (read(data), bytewise(data)):
            assert end is not None
            assert end.fault is fault


@pytest.mark.parametrize(("size", "fault"), [(LIMIT, None), (LIMIT + 1, Fault.TOO_BIG), (3 * LIMIT, Fault.TOO_BIG)])
def test_size(size: int, fault: Fault | None) -> None:
    """SM-14: octets count with CRLFs, without stuffed dots and end mark; what is too big is not kept."""
    message = b".234567x\r\n" * (size // 10 - 1) + b"x" * (8 + size % 10) + b"\r\n"
    data = stuffed(message)
    for end in (read(data), bytewise(data)):
        assert end is not None
        assert end.fault is fault
        assert end.message == (b"" if fault else message)


def test_memory_is_bounded() -> None:
    """SM-13, SM-14: four megabytes without a line end are counted, not kept."""
    reader = DataReader(LIMIT)
    for _ in range(64):
        assert reader.feed(b"x" * 65536) is None
    assert reader.size == 64 * 65536
    assert len(reader._message) == 0


@pytest.mark.parametrize(
    "false_end",
    [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\n.\r", b"\r\n.\n", b"\r\n.\rx", b"\r\n\0.\r\n",
     b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\0"],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"a\r\nb", b"a\nb", b"", b"a\r\n", b"a\n"])
def test_repairing_makes_no_end(false_end: bytes, before: bytes) -> None:
    """SM-01, SM-02, SM-03, SM-07 with `line_endings = "repair"`: as strict as without, wherever the blocks are cut."""
    data = before + false_end + b"x\r\n.\r\n"
    for end in (read(data, repairs_lines=True), bytewise(data, repairs_lines=True)):
        assert end is not None
        assert (end.fault, end.message) == (Fault.MALFORMED, b"")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"a\nb\rc\r\nd", b"a\r\nb\r\nc\r\nd\r\n"),
        (b"a\n\nb\r\rc", b"a\r\n\r\nb\r\n\r\nc\r\n"),
        (b"a\r\r\nb\n\rc", b"a\r\n\r\nb\r\n\r\nc\r\n"),
        (b"\na\n", b"\r\na\r\n\r\n"),
        (b"a\n..b\r.c\n..", b"a\r\n.b\r\nc\r\n.\r\n"),
        (b"a\r", b"a\r\n\r\n"),
    ],
)
def test_repaired_lines(sent: bytes, message: bytes) -> None:
    """SM-04, SM-05: every line ends in CRLF; dots are unstuffed on the lines that there are then."""
    data = sent + b"\r\n.\r\nQUIT\r\n"
    for end in (read(data, repairs_lines=True), bytewise(data, repairs_lines=True)):
        assert end == End(message, b"QUIT\r\n", None)


def test_repaired_size_counts() -> None:
    """SM-14: the limit is for what is kept."""
    end = read(b"\n" * (LIMIT // 2) + b"\r\n.\r\n", repairs_lines=True)
    assert end is not None
    assert end.fault is Fault.TOO_BIG


WIRE = st.lists(
    st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"\0", b"a", b"\r\n.\r\n", b"\r\n..", b"x" * (MAX_LINE - 1)]),
    max_size=30,
).map(b"".join)


@given(WIRE, st.data(), st.booleans())
def test_cuts_change_nothing(data: bytes, draw: st.DataObject, repairs: bool) -> None:
    """Same bytes, same message and fault, however TCP cuts them."""
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=8))
    whole, cut, bytes_ = (
        read(data, repairs_lines=repairs),
        read(data, cuts, repairs_lines=repairs),
        bytewise(data, repairs_lines=repairs),
    )
    for other in (cut, bytes_):
        assert (whole is None) == (other is None)
        if whole and other:
            assert (whole.message, whole.fault) == (other.message, other.fault)
            if whole.fault is not Fault.MALFORMED:
                assert whole.rest == other.rest


@given(WIRE)
def test_repairing_moves_no_end(data: bytes) -> None:
    """SM-01, SM-04, SM-05: a message ends where CRLF.CRLF was sent, or not at all; no bare CR or LF is left."""
    end = read(data, repairs_lines=True)
    if end and end.fault is not Fault.MALFORMED:
        assert end.rest == (b"\r\n" + data).partition(b"\r\n.\r\n")[2]
        assert end.message.count(b"\r") == end.message.count(b"\n") == end.message.count(b"\r\n")


LINES = st.lists(
    st.binary(max_size=40).map(lambda line: bytes(set(line) - {0, 10, 13})).map(lambda line: line + b"\r\n")
)


@given(LINES.map(b"".join))
def test_round_trip(message: bytes) -> None:
    """SM-08: what is stuffed by the client is what is read."""
    assert read(stuffed(message), limit=10**6) == End(message, b"", None)


BAD: re.Pattern[bytes] = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
COLUMNS = st.sampled_from([0, 1, 74, 75, 76, 77])  # around the line ends of base64


@given(
    st.integers(0, 30), COLUMNS, st.sampled_from([b"\r", b"\n", b"\0", b"\r\n", b"a", b"aa", b".", b""]),
    st.integers(0, 2), st.lists(st.integers(0, 31 * 78), max_size=3),
)  # fmt: skip
def test_one_wrong_octet_among_even_lines(line: int, column: int, put: bytes, over: int, cuts: list[int]) -> None:
    """SM-01 to SM-04: the short way for lines of one length sees each bare CR, bare LF and NUL, wherever it stands."""
    place = line * 78 + column
    message = b"".join([b"QUJD" * 19 + b"\r\n"] * 31)
    message = message[:place] + put + message[place + over :]
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    first = b"." if message.startswith(b".") else b""  # a dot at the first octet is stuffed as any other
    end = read(first + message.replace(b"\r\n.", b"\r\n..") + b".\r\n", cuts)
    expected = (b"", Fault.MALFORMED) if BAD.search(message) else (message, None)
    assert end is not None
    assert (end.message, end.fault) == expected


@pytest.mark.parametrize("bare", [b"\rx\r\n\n", b"x\n\r", b"\n\r"])
def test_as_many_feeds_as_lines_but_one_elsewhere(bare: bytes) -> None:
    """SM-01: counts that are right in sum are not enough."""
    line = b"QUJD" * 19 + b"\r\n"
    moved = b"QUJD" * 19 + b"\rx" + b"QUJ\nD" + b"QUJD" * 18 + b"A\r\n"
    for wrong in (line * 3 + moved + line, line * 3 + line[:-2] + bare + line, line * 3 + line[:20] + bare + line):
        end = read(wrong + b".\r\n", [30])
        assert end is not None
        assert end.fault is Fault.MALFORMED


@pytest.mark.parametrize("first", [0, 5, MAX_LINE, MAX_LINE + 1])
@pytest.mark.parametrize("length", [MAX_LINE, MAX_LINE + 1])
def test_length_of_even_lines(length: int, first: int) -> None:
    """SM-13: all lines but the first are of one length, and each counts; so does a line that two blocks share."""
    message = b"a" * first + b"\r\n" + (b"a" * length + b"\r\n") * 3
    for cuts in ([], [first + 2], [first + 2 + length // 2], [first // 2], [first // 2, first + length]):
        end = read(message + b".\r\n", cuts)
        assert end is not None
        assert end.fault is (Fault.LINE_TOO_LONG if max(first, length) > MAX_LINE else None)
