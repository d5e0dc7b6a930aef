"""The TXT record of TLS-RPT."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tls.fake_dns import FakeDns
from tls.errors import RptSyntaxError
from tls.tlsrpt.lookup import find_rua
from tls.tlsrpt.parse import Rua, Via, parse_record

MAIL, HTTPS = Rua(Via.MAIL, "tls@b.example"), Rua(Via.HTTPS, "https://r.b.example/v1/tls")


@pytest.mark.parametrize(
    ("strings", "expected"),
    [
        ((b"v=TLSRPTv1; rua=mailto:tls@b.example",), (MAIL,)),
        ((b"v=TLSRPTv1;rua=https://r.b.example/v1/tls;",), (HTTPS,)),
        ((b"v=TLSRPTv1; rua=mailto:tls@b.example , https://r.b.example/v1/tls ;",), (MAIL, HTTPS)),
        ((b"v=TLSRPTv1; x=y; rua=mailto:tls@b.example; rua=mailto:other@b.example",), (MAIL,)),
        ((b"v=spf1 -all", b"v=TLSRPTv1; rua=MAILTO:tls@b.example", b"v=TLSRPTv10; x"), (MAIL,)),
        ((b"v=TLSRPTv1; rua=mailto:tls%40b.example",), (MAIL,)),
        ((b"v=TLSRPTv1; rua=mailto:tls@b.example,mailto:tls@b.example",), (MAIL,)),
        ((b"v=TLSRPTv1; rua=ftp://b.example/,mailto:tls@b.example",), (MAIL,)),
    ],
)
def test_record(strings: tuple[bytes, ...], expected: tuple[Rua, ...]) -> None:
    """RFC 8460 3: mail and HTTPS; several addresses; unknown fields and schemes are passed over."""
    assert parse_record(strings) == expected


@pytest.mark.parametrize(
    "rua",
    [
        b"http://r.b.example/",
        b"https:///path",
        b"https://r.b.exam\tple/",
        b"https://user:secret@r.b.example/",
        b"https://r.b.example:0/",
        b"https://r.b.example:99999/",
        b"https://[::1/",
        b"mailto:",
        b"mailto:tls",
        b"mailto:@b.example",
        b"mailto://tls@b.example",
        b"mailto:tls@b.example?bcc=other@c.example",
        b"mailto:tls@b.example%2Cother@c.example",
        b"mailto:tls@b.example%0D%0ARCPT%20TO:x@c.example",
        b"mailto:%C3%A4@b.example",
        b"mailto:<tls@b.example>",
        b"tls@b.example",
        b"javascript:alert",
    ],
)
def test_addresses_that_get_nothing(rua: bytes) -> None:
    """What is no address, could add recipients, or speaks to no public host by itself."""
    assert parse_record((b"v=TLSRPTv1; rua=" + rua,)) == ()


@pytest.mark.parametrize(
    "strings",
    [(), (b"",), (b"v=TLSRPTv1",), (b"v=TLSRPTv2; rua=x",), (b"V=TLSRPTv1; rua=x",), (b" v=TLSRPTv1; rua=x",)],
)
def test_no_record(strings: tuple[bytes, ...]) -> None:
    assert parse_record(strings) is None


@pytest.mark.parametrize(
    ("strings", "why"),
    [
        ((b"v=TLSRPTv1; rua=mailto:a@b.example", b"v=TLSRPTv1; rua=mailto:a@b.example"), "two records"),
        ((b"v=TLSRPTv1;",), "no rua"),
        ((b"v=TLSRPTv1; rua=",), "empty rua"),
        ((b"v=TLSRPTv1; RUA=mailto:a@b.example",), "RUA is another field"),
        ((b"v=TLSRPTv1; rua",), "no value"),
        ((b"v=TLSRPTv1;; rua=mailto:a@b.example",), "empty field"),
        ((b"v=TLSRPTv1; rua=mailto:\xc3\xa4@b.example",), "not ASCII"),
        ((b"v=TLSRPTv1; rua=mailto:a@b.example\r\n",), "line end"),
        ((b"v=TLSRPTv1; rua=" + b",".join(b"mailto:a%d@b.example" % number for number in range(11)),), "too many"),
    ],
)
def test_bad_record(strings: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(RptSyntaxError):
        parse_record(strings)


PIECES = st.sampled_from(
    [b"v=TLSRPTv1;", b"rua=", b"mailto:", b"https://", b"a@b.example", b",", b";", b"%", b"[", b"\xff"]
)


@given(st.lists(st.lists(PIECES, max_size=8).map(b"".join) | st.binary(max_size=30), max_size=2).map(tuple))
def test_only_its_own_error(strings: tuple[bytes, ...]) -> None:
    """Invariant: addresses without blanks or controls, None, or RptSyntaxError."""
    try:
        found = parse_record(strings)
    except RptSyntaxError:
        return
    assert all(rua.target.isascii() and rua.target.isprintable() and " " not in rua.target for rua in found or ())


async def test_lookup() -> None:
    dns = FakeDns(
        {
            "_smtp._tls.b.example TXT": [b"v=TLSRPTv1; rua=mailto:tls@b.example"],
            "_smtp._tls.c.example TXT": [b"v=TLSRPTv1;"],
        },
        failed=["_smtp._tls.d.example TXT"],
    )
    found = [await find_rua(dns, f"{name}.example") for name in "bcde"]
    assert found == [(MAIL,), (), None, ()]
