"""What stands in RTF where nothing is said: looks that hold a number or an address, and words in hexadecimal digits."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from policy.phi.files.streams import printable

LOOKED_AT: Final = 262_144  # octets of one destination
_CONTROL: Final = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\u(-?[0-9]{1,5})\??|\\[a-zA-Z]{1,32}-?[0-9]{0,10} ?|\\.|[{}\r\n]", re.DOTALL
)
_NUMBERED: Final = re.compile(r"[0-9]-[0-9]|[0-9]{3} [0-9]{2} [0-9]{4}|@")
_WRITTEN_IN_DIGITS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}\s?){8,}")
_NO_DIGITS: Final = re.compile(rb"[^0-9A-Fa-f]+")


def octets(digits: bytes) -> bytes:
    """Return what is written in hexadecimal digits; whatever else stands among them is left out."""
    clean = _NO_DIGITS.sub(b"", digits)
    return bytes.fromhex(clean[: len(clean) // 2 * 2].decode("ascii"))


def in_digits(line: str) -> list[str]:
    """Return the words that a line of digits stands for, as data of fields do; [] for any other line."""
    return printable(octets(line.encode())) if _WRITTEN_IN_DIGITS.fullmatch(line) else []


def numbered(bodies: Iterable[bytes]) -> Iterator[str]:
    """Yield what among looks has numbers or addresses that people write."""
    for body in bodies:
        text = _CONTROL.sub(_character, body[:LOOKED_AT]).decode("latin-1")
        yield from (line.strip() for line in text.split(";") if _NUMBERED.search(line))


def _character(control: re.Match[bytes]) -> bytes:
    if control[1]:
        return bytes([int(control[1], 16)])
    return bytes([int(control[2]) & 0xFF]) if control[2] else b""
