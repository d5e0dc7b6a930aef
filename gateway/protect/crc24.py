"""OpenPGP's CRC-24 (RFC 9580 section 6.1), fast enough for large messages without a compiled helper.

How this works: a CRC is linear, so the data is cut into lanes that are worked through side by side. The three octets of
all lanes' registers are three byte strings; one step for every lane at once is three table look-ups (`bytes.translate`)
and three XORs of long integers. In the end the lanes' values are joined: each shifts what came before it by a lane's
length. A megabyte takes about ten milliseconds; a loop over octets takes a hundred.
"""

from typing import Final

POLYNOMIAL: Final = 0x1864CFB
INITIAL: Final = 0xB704CE
LANE: Final = 256  # octets in a lane
SMALL: Final = 4096  # octets below which the loop is faster


def _after_octet(register: int) -> int:
    """The register after eight steps without input."""
    for _ in range(8):
        register <<= 1
        if register & 0x1000000:
            register ^= POLYNOMIAL
    return register


TABLE: Final = tuple(_after_octet(octet << 16) for octet in range(256))
HIGH: Final = bytes(value >> 16 for value in TABLE)
MIDDLE: Final = bytes(value >> 8 & 255 for value in TABLE)
LOW: Final = bytes(value & 255 for value in TABLE)


def crc24(data: bytes) -> int:
    """The checksum of an armoured body, 24 bits."""
    if len(data) < SMALL:
        return _run(INITIAL, data)
    lanes = -(-len(data) // LANE)
    start = (int.from_bytes(data[:3], "big") ^ INITIAL).to_bytes(3, "big")  # the same as starting from INITIAL
    padded = bytes(lanes * LANE - len(data)) + start + data[3:]  # zeros in front of a zero register change nothing
    high = middle = low = bytes(lanes)
    for row in range(LANE):
        index = _xor(high, padded[row::LANE])
        high, middle, low = (
            _xor(middle, index.translate(HIGH)),
            _xor(low, index.translate(MIDDLE)),
            index.translate(LOW),
        )
    register = 0
    for h, m, x in zip(high, middle, low, strict=True):
        register = SHIFT[2][register >> 16] ^ SHIFT[1][register >> 8 & 255] ^ SHIFT[0][register & 255]
        register ^= h << 16 | m << 8 | x
    return register


def _run(register: int, data: bytes) -> int:
    for octet in data:
        register = (register << 8 & 0xFFFFFF) ^ TABLE[register >> 16 ^ octet]
    return register


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "little") ^ int.from_bytes(right, "little")).to_bytes(len(left), "little")


def _shift_table(position: int) -> tuple[int, ...]:
    """For every value of one octet of the register: the register after a lane of zeros."""
    bits = [_run(1 << 8 * position + bit, bytes(LANE)) for bit in range(8)]
    table = [0]
    for bit in bits:
        table += [value ^ bit for value in table]
    return tuple(table)


SHIFT: Final = tuple(_shift_table(position) for position in range(3))
