"""Tokens of opt-outs: what went in comes out, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.message.optout import OptOut, fields_for, make_token, read_token
from gateway.message.sevenbit import LINE_OCTETS

KEY = b"k" * 32
WISH = OptOut("pat@b.example", "marketing", "clinic.example")


@given(st.builds(OptOut, st.text(max_size=100), st.text(max_size=20), st.text(max_size=60)))
def test_what_goes_in_comes_out(wish: OptOut) -> None:
    assert read_token(KEY, make_token(KEY, wish)) == wish


@given(st.text(max_size=2000))
def test_anything_else_is_nothing(text: str) -> None:
    """Totality: whatever stands in a link."""
    assert read_token(KEY, text) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_octet_can_be_changed(place: int, change: int) -> None:
    token = make_token(KEY, WISH)
    at = place % len(token)
    other = token[:at] + chr(33 + (ord(token[at]) - 33 + change) % 94) + token[at + 1 :]
    assert read_token(KEY, other) in (None, WISH)  # the last letter holds bits that mean nothing


def test_a_link_tells_no_address_and_fits_a_line() -> None:
    """RFC 5322 section 2.1.1, for the longest address that there is."""
    token = make_token(KEY, OptOut("a" * 64 + "@" + "b" * 251, "marketing", "c" * 251))
    assert "aaaa" not in token
    link, post = fields_for(f"https://gw.clinic.example/unsubscribe/{token}")
    assert len(link) < LINE_OCTETS
    assert post == b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
