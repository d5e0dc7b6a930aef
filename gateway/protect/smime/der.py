"""As much DER (X.690) as CMS needs: a writer, and a strict reader for what stands in certificates.

Leaves out what neither uses: tags above 30, indefinite lengths (BER) and types that are only passed on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.protect.errors import CertificateError

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = b"\x05\x00"
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
PRIMITIVE_0: Final = 0x80  # [0] IMPLICIT of a primitive type
CONTEXT_0: Final = 0xA0  # [0] EXPLICIT, or IMPLICIT of a constructed type
CONTEXT_1: Final = 0xA1
CONTEXT_2: Final = 0xA2


@dataclass(frozen=True, slots=True)
class Element:
    """One value. raw: with its tag and length."""

    tag: int
    content: bytes
    raw: bytes


def element(tag: int, *parts: bytes) -> bytes:
    """One value of these contents (X.690 sections 8.1 and 10.1)."""
    size = sum(len(part) for part in parts)
    if size < 0x80:
        length = bytes((size,))
    else:
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes((0x80 | len(octets),)) + octets
    return b"".join((bytes((tag,)), length, *parts))


def sequence(*parts: bytes) -> bytes:
    return element(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """X.690 section 11.6: in ascending order."""
    return element(SET, *sorted(parts))


def octets(value: bytes) -> bytes:
    return element(OCTET_STRING, value)


def integer(value: int) -> bytes:
    """value: not negative."""
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """X.690 section 8.19."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        out += bytes(reversed(digits))
    return element(OID, bytes(out))


def algorithm(dotted: str, parameters: bytes = b"") -> bytes:
    """AlgorithmIdentifier (RFC 5280 section 4.1.1.2)."""
    return sequence(oid(dotted), parameters)


def read(data: bytes, tag: int) -> Element:
    """The one value that `data` is. Raises: CertificateError when it is none, has another tag or does not end it."""
    found = list(read_all(data))
    if len(found) != 1 or found[0].tag != tag:
        raise CertificateError("its DER has another shape than it should")
    return found[0]


def read_all(data: bytes) -> Iterator[Element]:
    """The values that stand one after the other in `data`. Raises: CertificateError where it is not DER."""
    at = 0
    while at < len(data):
        start, at = at, at + 2
        if at > len(data) or data[start] & 0x1F == 0x1F:
            raise CertificateError("it is not DER")
        size = data[start + 1]
        if size >= 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
            if not 1 <= count <= 4 or size < max(0x80, 1 << 8 * (count - 1)):  # X.690 section 10.1: the shortest form
                raise CertificateError("it is not DER")
        if at + size > len(data):
            raise CertificateError("it is not DER")
        yield Element(data[start], data[at : at + size], data[start : at + size])
        at += size
