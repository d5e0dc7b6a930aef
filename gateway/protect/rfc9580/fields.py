"""What packets are made of (RFC 9580 sections 3 and 4.2): numbers, and the frame around a body."""

from typing import Final

from gateway.protect.errors import CertificateError

PUBLIC_KEY: Final = 6  # packet types, RFC 9580 section 5
USER_ID: Final = 13
SUBKEY: Final = 14
SIGNATURE: Final = 2
PKESK: Final = 1
SEIPD: Final = 18


class Reader:
    """Takes one field after the other from the body of a packet. Raises: CertificateError when it is cut short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, octets: int) -> bytes:
        """The next octets."""
        end = self.at + octets
        if end > len(self._data):
            raise CertificateError("damaged: a packet is cut short")
        taken, self.at = self._data[self.at : end], end
        return taken

    def number(self, octets: int) -> int:
        """A big-endian number."""
        return int.from_bytes(self.take(octets), "big")

    def sized(self, octets: int) -> bytes:
        """A field behind its length, which is a number of so many octets."""
        return self.take(self.number(octets))

    def mpi(self) -> bytes:
        """A multiprecision integer, big-endian (section 3.2)."""
        return self.take((self.number(2) + 7) // 8)

    def subpacket(self) -> bytes:
        """Type and content of a signature's subpacket (section 5.2.3.7)."""
        first = self.number(1)
        if first < 192:
            return self.take(first)
        return self.take((first - 192 << 8) + self.number(1) + 192) if first < 255 else self.sized(4)

    @property
    def is_done(self) -> bool:
        return self.at == len(self._data)


def mpi(number: bytes) -> bytes:
    """A big-endian number as multiprecision integer."""
    value = number.lstrip(b"\x00")
    bits = int.from_bytes(value, "big").bit_length()
    return bits.to_bytes(2, "big") + value


def framed(kind: int, body: bytes) -> bytes:
    """A packet in the present format (section 4.2.1)."""
    size = len(body)
    if size < 192:
        length = bytes((size,))
    elif size < 8384:
        length = (size - 192 + (192 << 8)).to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(4, "big")
    return b"".join((bytes((0xC0 | kind,)), length, body))
