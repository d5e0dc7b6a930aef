"""gateway.message.address: the grammar that decides who sends as whom."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.address import AddressError, domain_of, parse_address, parse_from


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Dr.Who@Clinic.Example", "Dr.Who@clinic.example"),
        ('"joe"@clinic.example', "joe@clinic.example"),
        ('"joe smith"@clinic.example', '"joe smith"@clinic.example'),
        (r'"a\"\b"@x.example', r'"a\"b"@x.example'),
        ("o'hara+lab@xn--bcher-kva.example", "o'hara+lab@xn--bcher-kva.example"),
        ('"a@b"@x.example', '"a@b"@x.example'),
        ("x" * 64 + "@x.example", "x" * 64 + "@x.example"),
    ],
)
def test_plain_addresses(text: str, address: str) -> None:
    """RFC 5321 4.1.2, SM-17."""
    assert parse_address(text) == address
    assert parse_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@x.example",
        "a@",
        "a@b@c",
        "a@@c",
        "<a@b>",
        "@r,@s:a@b",
        "a..b@c",
        ".a@c",
        "a.@c",
        "a b@c",
        "a@b c",
        "a@-b.c",
        "a@b-.c",
        "a@b..c",
        "a@b.",
        "a@.b",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "a@b\r\nBcc: c@d",
        "a\0@b",
        "\u00e9@b.example",
        "a@b\u00fccher.example",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["b" * 60] * 5),
        "x" * 65 + "@x.example",
        '"a\n"@b',
        '"a@b',
        '"@b',
        "a@x.example\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """ID-01, ID-06, SM-12, SM-17."""
    with pytest.raises(AddressError):
        parse_address(text)


@pytest.mark.parametrize(
    "value",
    [
        b" joe@clinic.example",
        b"<joe@clinic.example>",
        b" Dr. Joe Smith <joe@clinic.example>",
        b' "Smith, Joe \\"J\\" (x)" <joe@clinic.example> ',
        b" =?utf-8?q?J=C3=B6?=\r\n =?utf-8?b?w7Y=?= <joe@clinic.example>",
        b' "joe@clinic.example" <joe@clinic.example>',
        b"joe@clinic.example (Joe Smith)",
        "Jö <joe@clinic.example>".encode(),
        b'"joe"@clinic.example',
    ],
)
def test_from_with_one_plain_address(value: bytes) -> None:
    """RFC 5322 3.6.2."""
    assert parse_from(value) == "joe@clinic.example"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Joe",
        b"<>",
        b"joe@clinic.example, boss@clinic.example",
        b"<joe@clinic.example>, <boss@clinic.example>",
        b"Joe <joe@clinic.example> <boss@clinic.example>",
        b"Group: joe@clinic.example;",
        b"Joe <@a.example,@b.example:joe@clinic.example>",
        b"=?utf-8?q?joe=40clinic=2Eexample?=",
        b"Joe <=?utf-8?q?joe?=@clinic.example@x>",
        b"Smith, Joe <joe@clinic.example>",
        b'"boss@clinic.example" <joe@clinic.example>',
        b"=?utf-8?q?boss=40clinic.example?= <joe@clinic.example>",
        b"=?utf-8?b?Ym9zc0BjbGluaWMuZXhhbXBsZQ==?= <joe@clinic.example>",
        "boss\uff20clinic.example <joe@clinic.example>".encode(),
        b"boss@clinic.example (joe@clinic.example)",
        b"joe@clinic.example (boss@clinic.example)",
        b"joe@clinic.example (a (b))",
        b"Joe\0 <joe@clinic.example>",
        b'"joe\\',
        b"J\xff <joe@clinic.example>",
        b'"boss"@clinic.example <joe@clinic.example',
    ],
)
def test_from_that_is_odd_is_refused(value: bytes) -> None:
    """ID-05, ID-06: what another reader could take for another sender."""
    with pytest.raises(AddressError):
        parse_from(value)


@given(st.binary(max_size=80))
def test_reads_or_refuses_anything(value: bytes) -> None:
    """Invariant: AddressError, or an address that reads as itself."""
    try:
        address = parse_from(value)
    except AddressError:
        return
    assert parse_address(address) == address
    assert domain_of(address) == domain_of(address).lower() != ""


@pytest.mark.parametrize("value", [b'"' * 100_000, b"a." * 50_000, b"=?u?q?" * 15_000 + b"<a@b", b"(" * 100_000])
def test_grammar_is_linear(value: bytes) -> None:
    """No input within the header limit holds the loop."""
    start = time.perf_counter()
    with pytest.raises(AddressError):
        parse_from(value)
    assert time.perf_counter() - start < 0.1
