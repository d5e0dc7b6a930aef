"""The TXT record and the policy of MTA-STS: what is one, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tls.errors import StsSyntaxError
from tls.mta_sts.parse import MAX_AGE_LIMIT_S, SIZE_LIMIT, Mode, StsPolicy, parse_policy, parse_record

GOOD = b"version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 604800\n"
POLICY = StsPolicy(mode=Mode.ENFORCE, max_age_s=604_800, mx=("mx.b.example",))


@pytest.mark.parametrize(
    ("strings", "id_"),
    [
        ((b"v=STSv1; id=20160831085700Z;",), "20160831085700Z"),
        ((b"v=STSv1;id=1",), "1"),
        ((b"v=STSv1 ;\t id=a ; ",), "a"),
        ((b"v=STSv1; x=y; id=a",), "a"),
        ((b"v=STSv1; id=a; id=b",), "a"),
        ((b"v=spf1 -all", b"v=STSv1; id=a;", b"v=STSv10; id=b;"), "a"),
        ((b"v=STSv1; id=" + b"z" * 32,), "z" * 32),
    ],
)
def test_record(strings: tuple[bytes, ...], id_: str) -> None:
    """RFC 8461 3.1: order is free, unknown fields are ignored, of a field given twice the first counts."""
    assert parse_record(strings) == id_


@pytest.mark.parametrize(
    "strings",
    [
        (),
        (b"",),
        (b"v=STSv10; id=1;",),
        (b"v=STSv1",),  # RFC 8461 3.1: what does not begin with `v=STSv1;` is discarded
        (b"v=STSv2; id=1;",),
        (b"V=STSv1; id=1;",),
        (b"v=stsv1; id=1;",),
        (b" v=STSv1; id=1;",),
        (b"v = STSv1; id=1;",),
        (b"id=1; v=STSv1;",),
        (b'"v=STSv1; id=1;"',),
        (b"\xef\xbb\xbfv=STSv1; id=1;",),
    ],
)
def test_no_record(strings: tuple[bytes, ...]) -> None:
    """TL-14: no policy is announced, and nothing more is said."""
    assert parse_record(strings) is None


@pytest.mark.parametrize(
    ("strings", "why"),
    [
        ((b"v=STSv1; id=1;", b"v=STSv1; id=1;"), "two records, though alike"),
        ((b"v=STSv1; id=1;", b"v=STSv1; broken"), "two records, one broken"),
        ((b"v=STSv1;",), "no id"),
        ((b"v=STSv1; id=;",), "empty id"),
        ((b"v=STSv1; id=" + b"z" * 33,), "id of 33"),
        ((b"v=STSv1; id=2016-08;",), "id with a hyphen"),
        ((b"v=STSv1; ID=1;",), "ID is another field"),
        ((b"v=STSv1; id=a, id=b",), "comma as delimiter"),
        ((b"v=STSv1; id: 1;",), "colon"),
        ((b"v=STSv1;; id=1;",), "empty field"),
        ((b"v=STSv1; id=1;;",), "two delimiters at the end"),
        ((b"v=STSv1; id=1; x",), "field without value"),
        ((b"v=STSv1; id=1; =y",), "field without name"),
        ((b"v=STSv1; id=1; -x=y",), "name begins with a hyphen"),
        ((b"v=STSv1; id=1; x=a b",), "blank in a value"),
        ((b"v=STSv1; id=1; x=a=b",), "equals sign in a value"),
        ((b"v=STSv1; id=1; " + b"x" * 33 + b"=y",), "name of 33"),
        ((b"v=STSv1; id=\xc3\xa4;",), "not ASCII"),
        ((b"v=STSv1; id=1\x00;",), "NUL"),
        ((b"v=STSv1; id=1\r\n;",), "line end"),
    ],
)
def test_bad_record(strings: tuple[bytes, ...], why: str) -> None:
    """TL-14, RFC 8461 3.1: exactly one record, and it is valid."""
    with pytest.raises(StsSyntaxError):
        parse_record(strings)


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.removesuffix(b"\n"),
        GOOD + b"\r\n\n",
        GOOD.replace(b": ", b":"),
        GOOD.replace(b": ", b":\t  ").replace(b"\n", b" \t\n"),
        GOOD.replace(b"mx.b", b"MX.B"),
        GOOD + b"mx: mx.b.example\n",
        GOOD + b"mode: none\nmax_age: 1\nversion: STSv9\n",
        b"max_age: 604800\nmx: mx.b.example\nx-new: \xc3\xa4 \xe2\x80\xa8 b\nmode: enforce\nversion: STSv1",
    ],
)
def test_policy(body: bytes) -> None:
    """RFC 8461 3.2: LF or CRLF, any order, unknown fields ignored, the first of two counts."""
    assert parse_policy(body) == POLICY


def test_policy_with_patterns() -> None:
    body = b"version: STSv1\nmode: testing\nmx: *.b.example\nmx: xn--mx-eka._x.c.example\nmax_age: 0\n"
    assert parse_policy(body) == StsPolicy(
        mode=Mode.TESTING, max_age_s=0, mx=("*.b.example", "xn--mx-eka._x.c.example")
    )


def test_mode_none_needs_no_mx() -> None:
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 86400").mode is Mode.NONE


def test_a_longer_life_is_a_year() -> None:
    """RFC 8461 3.2: at most 31557600; a domain that writes more keeps its protection."""
    assert parse_policy(GOOD.replace(b"604800", b"9999999999")).max_age_s == MAX_AGE_LIMIT_S


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"\n", "one blank line"),
        (b"<html><body>404</body></html>", "a page"),
        (GOOD.replace(b"STSv1", b"STSv10"), "another version"),
        (GOOD.replace(b"STSv1", b"stsv1"), "version in lower case"),
        (GOOD.replace(b"version: STSv1\n", b""), "no version"),
        (GOOD.replace(b"enforce", b"bad"), "unknown mode"),
        (GOOD.replace(b"enforce", b"Enforce"), "mode in capitals"),
        (GOOD.replace(b"mode: enforce\n", b""), "no mode"),
        (GOOD.replace(b"mx: mx.b.example\n", b""), "enforce needs an mx"),
        (GOOD.replace(b"mx.b.example", b""), "empty mx"),
        (GOOD.replace(b"mx.b.example", b"*.*.x"), "two wildcards"),
        (GOOD.replace(b"mx.b.example", b"*"), "wildcard alone"),
        (GOOD.replace(b"mx.b.example", b"mx*.b.example"), "wildcard in a label"),
        (GOOD.replace(b"mx.b.example", b".b.example"), "pattern as in a draft"),
        (GOOD.replace(b"mx.b.example", b"mx.b.example."), "dot at the end"),
        (GOOD.replace(b"mx.b.example", b"a.example, b.example"), "two hosts in a line"),
        (GOOD.replace(b"mx.b.example", b"m\xc3\xbcx.example"), "U-label"),
        (GOOD.replace(b"mx.b.example", b"a" * 64 + b".example"), "label of 64"),
        (GOOD.replace(b"mx.b.example", b"a." * 127 + b"example"), "name over 255"),
        (GOOD.replace(b"604800", b"12345678901"), "max_age of 11 digits"),
        (GOOD.replace(b"604800", b"-1"), "max_age below 0"),
        (GOOD.replace(b"604800", b"1.5"), "max_age with a point"),
        (GOOD.replace(b"604800", "٣".encode()), "max_age in other digits"),
        (GOOD.replace(b"max_age: 604800\n", b""), "no max_age"),
        (GOOD.replace(b": enforce", b"=enforce"), "equals sign"),
        (GOOD.replace(b"mode", b" mode"), "blank before a field"),
        (GOOD.replace(b"\n", b"\n\n"), "blank lines between"),
        (GOOD.replace(b"\n", b"\r"), "CR alone"),
        (GOOD + b"x: \x00\n", "NUL"),
        (GOOD + b"x: \xff\n", "not UTF-8"),
        (b"\xef\xbb\xbf" + GOOD, "byte order mark"),
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (GOOD + b"x: y\n" * SIZE_LIMIT, "more than 64 KiB"),
        (GOOD + b"".join(b"mx: m%d.b.example\n" % number for number in range(1000)), "more than 1000 mx"),
    ],
)
def test_bad_policy(body: bytes, why: str) -> None:
    """TL-14, RFC 8461 3.2: no policy at all, and above all not `none`."""
    with pytest.raises(StsSyntaxError):
        parse_policy(body)


WORDS = rb"""version STSv1 mode enforce none mx *. b.example max_age 1 : ; = v=STSv1; id= - ."""
PIECES = st.sampled_from([*WORDS.split(), b": ", b"\n", b"\r\n", b" ", b"\x00", b"\xff"])
JUMBLE = st.lists(PIECES, max_size=25).map(b"".join)


@given(JUMBLE | st.binary(max_size=200))
def test_only_its_own_error(body: bytes) -> None:
    """TL-14. Invariant: a policy with version, mode and max_age and, unless none, a host; or StsSyntaxError."""
    try:
        policy = parse_policy(body)
    except StsSyntaxError:
        return
    assert policy.mx or policy.mode is Mode.NONE
    assert 0 <= policy.max_age_s <= MAX_AGE_LIMIT_S
    assert all(needed in body for needed in (b"STSv1", policy.mode.value.encode(), b"max_age"))


@given(st.lists(JUMBLE.map(lambda text: b"v=STSv1;" + text) | st.binary(max_size=60), max_size=3).map(tuple))
def test_records_only_raise_their_own_error(strings: tuple[bytes, ...]) -> None:
    """TL-14. Invariant: an id of 1 to 32 letters and digits, None, or StsSyntaxError."""
    try:
        id_ = parse_record(strings)
    except StsSyntaxError:
        return
    assert id_ is None or (id_.isascii() and id_.isalnum() and 1 <= len(id_) <= 32)


NAMES = st.lists(st.text("ab1", min_size=1, max_size=3), min_size=2, max_size=4).map(".".join)


@given(
    st.builds(
        StsPolicy,
        mode=st.sampled_from(Mode),
        max_age_s=st.integers(0, MAX_AGE_LIMIT_S),
        mx=st.lists(NAMES, min_size=1, max_size=5, unique=True).map(tuple),
    )
)
def test_what_is_stored_is_read_again(policy: StsPolicy) -> None:
    """TL-16: `text` is what a store keeps."""
    assert parse_policy(policy.text.encode()) == policy
