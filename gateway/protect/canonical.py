"""DKIM's relaxed canonical form (RFC 6376 sections 3.4.2 and 3.4.4), linear and in pieces.

How this works: the body is taken in slices, so that a caller on the event loop can pause between them. Blanks at the
end of a slice and empty lines are held back until it is known whether more follows: two octets and a count at most.
Runs of blanks are halved again and again by `bytes.replace`, which reads a slice 17 times at the very worst (dkimpy's
regular expressions take a minute and a half on 25 MB of blanks; CR-11).
"""

from collections.abc import Iterator
from typing import Final

SLICE: Final = 65_536  # octets; well below 5 ms a slice on the slowest input


class BareLineEnd(ValueError):
    """A CR or LF stands alone: what a verifier sees would depend on who touched the message last (CR-10)."""


def relaxed_header(name: str, value: bytes) -> bytes:
    """One field in relaxed form, with its CRLF. name: lower case; value: folded, without the final CRLF."""
    return name.encode("ascii") + b":" + _collapse(value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def relaxed_body(body: memoryview, *, slice_size: int = SLICE) -> Iterator[bytes]:
    """The body in relaxed form, in pieces of about a slice each (some are empty: a chance to pause).

    Raises: BareLineEnd, perhaps after some pieces.
    """
    carry = b""
    line_ends = 0  # seen and not yet given out
    is_empty = True
    for start in range(0, len(body), slice_size):
        piece, carry = _split_tail(_collapse(carry + bytes(body[start : start + slice_size])))
        if not piece.count(b"\r\n") == piece.count(b"\r") == piece.count(b"\n"):
            raise BareLineEnd
        piece = piece.replace(b" \r\n", b"\r\n")
        text = piece.rstrip(b"\r\n")
        if text:
            yield from _line_ends(line_ends)
            is_empty, line_ends = False, 0
        yield text
        line_ends += (len(piece) - len(text)) // 2
    if b"\r" in carry:
        raise BareLineEnd
    if not is_empty:
        yield b"\r\n"  # empty lines at the end do not count, and the last line has an end even if none was sent


def _collapse(text: bytes) -> bytes:
    """Every run of blanks becomes one space."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _split_tail(text: bytes) -> tuple[bytes, bytes]:
    """Hold back what the next slice decides about: a space, a CR, or both."""
    kept = text.removesuffix(b"\r").removesuffix(b" ")
    return kept, text[len(kept) :]


def _line_ends(count: int) -> Iterator[bytes]:
    while count:
        now = min(count, SLICE // 2)
        yield b"\r\n" * now
        count -= now
