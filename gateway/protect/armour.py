"""OpenPGP on paper: ASCII armour (RFC 9580 section 6) and where one certificate ends and the next begins (section 4.2).

PGPy's own armour is a hundred times too slow for mail, and its reader takes one block a file.
"""

import base64
import binascii
import re
from collections.abc import Collection
from typing import Final

from gateway.protect.crc24 import crc24
from gateway.protect.errors import CertificateError

LINE: Final = 64  # characters; RFC 9580 section 6.2 allows 76
_BLOCK: Final = (
    rb"-----BEGIN PGP %b KEY BLOCK-----[ \t]*\r?\n"
    rb"(?:[A-Za-z]+: (?:(?!-----BEGIN)[^\n])*\n)*[ \t]*\r?\n"  # each line once, however many blocks seem to begin
    rb"([A-Za-z0-9+/=\s]*?)(?:\n=([A-Za-z0-9+/]{4})\s*)?"
    rb"-----END PGP %b KEY BLOCK-----"
)
BLOCK: Final = re.compile(_BLOCK % (b"PUBLIC", b"PUBLIC"))
PRIVATE_BLOCK: Final = re.compile(_BLOCK % (b"PRIVATE", b"PRIVATE"))
PUBLIC_KEY: Final = 6  # packet types, RFC 9580 section 5
SIGNATURE: Final = 2
SECRET_KEYS: Final = frozenset({5, 7})
SUBKEYS: Final = frozenset({7, 14})
ALGORITHM_AT: Final = 5  # in the body of a key of version 4 or 6, after its version and time (section 5.5.2)


def armour_message(data: bytes, *, has_checksum: bool = True) -> bytes:
    """An encrypted message as text with CRLF lines. has_checksum: not after SEIPD version 2 (section 6.1)."""
    return _armour(data, b"MESSAGE", b"\r\n", has_checksum=has_checksum)


def armour_certificate(data: bytes) -> bytes:
    """A public key as text with LF lines, for a file."""
    return _armour(data, b"PUBLIC KEY BLOCK", b"\n")


def _armour(data: bytes, kind: bytes, end: bytes, *, has_checksum: bool = True) -> bytes:
    """The checksum stays where it may: some readers still insist on it."""
    text = binascii.b2a_base64(data, newline=False)
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    check = [b"=" + base64.b64encode(crc24(data).to_bytes(3, "big"))] if has_checksum else []
    head, tail = b"-----BEGIN PGP %b-----" % kind, b"-----END PGP %b-----" % kind
    return end.join([head, b"", *lines, *check, tail, b""])


def split_certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates in a file, as they stand there.

    data: armoured blocks (with any text around them) or binary packets, one certificate or many.
    Returns: binary, in order, at least one.
    Raises: CertificateError for anything else, and for private keys, which must not be here.
    """
    if b"-----BEGIN PGP PRIVATE KEY BLOCK-----" in data:
        raise CertificateError("this is a private key; export and import the public one (gpg --export)")
    blocks = [_dearmour(match[1], match[2]) for match in BLOCK.finditer(data)]
    packets = b"".join(blocks) if blocks else data
    starts = [at for at, kind in _packets(packets) if kind == PUBLIC_KEY]
    if not starts or starts[0] != 0:
        raise CertificateError("no OpenPGP public key in this file")
    return tuple(packets[at:end] for at, end in zip(starts, [*starts[1:], len(packets)], strict=True))


def dearmour_private(data: bytes) -> bytes:
    """The private key in a file, binary; what is not armoured stays as it is. Raises: CertificateError."""
    if b"-----BEGIN PGP" not in data:
        return data
    blocks = PRIVATE_BLOCK.findall(data)
    if len(blocks) != 1:
        raise CertificateError("not one private key in this file; gpg --export-secret-keys FINGERPRINT writes one")
    return _dearmour(*blocks[0])


def first_key(data: bytes) -> tuple[int, int]:
    """Version and algorithm of the key that a file of packets begins with; zeros where it begins with none.

    RFC 9580 sections 5.5.2.2 and 5.5.2.3 have both at the same places.
    """
    try:
        kind, start, end = _packet_at(data, 0)
        body = data[start:end]
        return (body[0], body[ALGORITHM_AT]) if kind == PUBLIC_KEY or kind in SECRET_KEYS else (0, 0)
    except IndexError:
        return 0, 0


def bodies(data: bytes) -> list[tuple[int, bytes]]:
    """Type and body of each packet, none with a partial length. Raises: CertificateError."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        try:
            kind, start, end = _packet_at(data, at)
        except IndexError:
            end = start = len(data) + 1
            kind = 0
        if end > len(data):
            raise CertificateError("damaged: cut short" if found else "not an OpenPGP key that we can read")
        found.append((kind, data[start:end]))
        at = end
    return found


def without_unknown(data: bytes, algorithms: Collection[int]) -> bytes:
    """A key without the subkeys and signatures of algorithms that a reader does not know, which would spoil the rest.

    data: packets, a public or private key. The signatures under a subkey go with it.
    """
    kept: list[bytes] = []
    at, is_dropped = 0, False
    while at < len(data):
        try:
            kind, start, end = _packet_at(data, at)
            if kind in SUBKEYS:
                is_dropped = data[start + ALGORITHM_AT] not in algorithms
            elif kind != SIGNATURE:
                is_dropped = False
            is_strange = kind == SIGNATURE and (data[start] not in (3, 4) or _signed_by(data, start) not in algorithms)
        except IndexError:
            return data  # damaged: whoever reads it says so
        if not is_dropped and not is_strange:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _signed_by(data: bytes, start: int) -> int:
    """The algorithm of a signature packet: RFC 9580 sections 5.2.2 (version 3) and 5.2.3 (version 4)."""
    return data[start + 2] if data[start] == 4 else data[start + 15]


def _dearmour(text: bytes, check: bytes | None) -> bytes:
    try:
        data = base64.b64decode(b"".join(text.split()), validate=True)
        expected = int.from_bytes(base64.b64decode(check), "big") if check else None
    except ValueError:
        raise CertificateError("damaged armour: not base64") from None
    if expected is not None and expected != crc24(data):
        raise CertificateError("damaged armour: the checksum is wrong")
    return data


def _packets(data: bytes) -> list[tuple[int, int]]:
    """Offset and type of each packet. Raises: CertificateError."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(data):
        try:
            kind, _, end = _packet_at(data, at)
        except IndexError:
            end = len(data) + 1
            kind = 0
        if end > len(data):
            raise CertificateError("neither armour nor OpenPGP packets, or cut short")
        if kind in SECRET_KEYS:
            raise CertificateError("this is a private key; export and import the public one (gpg --export)")
        found.append((at, kind))
        at = end
    return found


def _packet_at(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, start of the body and end of the packet at an offset (RFC 9580 section 4.2). Raises: IndexError when it is
    cut short.
    """
    tag, first = data[at], data[at + 1]
    if not tag & 0x80:
        raise IndexError
    if tag & 0x40:  # the present format; partial lengths (224 to 254) are for data only
        kind = tag & 0x3F
        if first < 192:
            return kind, at + 2, at + 2 + first
        if first < 224:
            return kind, at + 3, at + 3 + ((first - 192) << 8) + data[at + 2] + 192
        if first < 255:
            raise IndexError
        return kind, at + 6, at + 6 + int.from_bytes(data[at + 2 : at + 6], "big")
    width = (1, 2, 4, 0)[tag & 3]
    if not width:
        raise IndexError
    start = at + 1 + width
    return tag >> 2 & 0x0F, start, start + int.from_bytes(data[at + 1 : start], "big")
