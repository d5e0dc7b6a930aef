"""gateway.message.address: the grammar that decides who sends as whom."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.address import AddressError, domain_of, parse_address, parse_from, utf8_xtext


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
        b'"Joe\0" <joe@clinic.example>',
        b'"Joe\x1b[2K" <joe@clinic.example>',
        b"joe@clinic.example (Joe\x7f)",
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
    start = time.process_time()
    with pytest.raises(AddressError):
        parse_from(value)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("j\u00f6@clinic.example", "j\u00f6@clinic.example"),
        ("j\u00f6@B\u00fccher.Example", "j\u00f6@xn--bcher-kva.example"),
        ("joe@b\u00fccher\u3002example", "joe@xn--bcher-kva.example"),
        ('"j \u00f6"@x.example', '"j \u00f6"@x.example'),
        ('"j\u00f6"@x.example', "j\u00f6@x.example"),
        ("\u7528\u6237@\u4f8b\u5b50.example", "\u7528\u6237@xn--fsqu00a.example"),
        ("\u00f6" * 32 + "@x.example", "\u00f6" * 32 + "@x.example"),
        ("Joe@Clinic.Example", "Joe@clinic.example"),
    ],
)
def test_addresses_by_smtputf8(text: str, address: str) -> None:
    """SM-18, RFC 6531 3.3: the local part as it is, the domain in A-labels; without SMTPUTF8 none of it."""
    assert parse_address(text, allows_utf8=True) == address
    assert parse_address(address, allows_utf8=True) == address
    if not text.isascii():
        with pytest.raises(AddressError):
            parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["\u00e9", "e\u0301@x.example", "a\u200b\u00e9@x.example", "\u00e9\u202e@x.example", "\u00e9\u00a0@x.example",
     "\u00e9@x\u200b.example", "\u00e9@[192.0.2.1]", "\u00f6" * 33 + "@x.example", "\u00e9..a@x.example",
     ".\u00e9@x.example", "\u00e9@x.example\7", "\u00e9 a@x.example", "a@\u2488com", "\ud800@x.example",
     "\u00e9@-x.example", "\u00e9@1.2.3.4", "\u00e9@" + "x" * 64 + ".example", "a@\u00e9..example", "\u00e9@"],
)  # fmt: skip
def test_odd_addresses_by_smtputf8(text: str) -> None:
    """SM-18, ID-06: what does not print, has two spellings, or is too long in octets."""
    with pytest.raises(AddressError):
        parse_address(text, allows_utf8=True)


def test_utf8_addresses_in_us_ascii() -> None:
    """RFC 6533 section 3."""
    assert utf8_xtext("j\u00f6+x=\\@x.example") == r"j\x{F6}\x{2B}x\x{3D}\x{5C}@x.example"


@given(st.text(max_size=80))
def test_any_text_by_smtputf8(text: str) -> None:
    """An address that reads back as itself, or AddressError; nothing else."""
    try:
        address = parse_address(text, allows_utf8=True)
    except AddressError:
        return
    assert parse_address(address, allows_utf8=True) == address
    assert address.isprintable()
