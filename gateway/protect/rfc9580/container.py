"""The encrypted data itself: SEIPD version 2 with AES-256 and OCB, which every implementation has to have (RFC 9580
sections 5.13.2 and 9.6).
"""

import functools
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.protect.rfc9580.fields import SEIPD, framed

KEY_OCTETS: Final = {7: 16, 8: 24, 9: 32}  # of AES, by its number (section 9.3)
AES_256: Final = 9
OCB: Final = 2
NONCE: Final = 15 - 8  # octets, without the chunk's number
CHUNK_SIZE: Final = 12  # 2^18 octets: a reader holds one chunk before it may believe it
SALT: Final = 32  # octets


@functools.cache
def is_able() -> bool:
    """Whether OpenSSL has OCB: where it is held to FIPS 140, it has not."""
    try:
        AESOCB3(bytes(KEY_OCTETS[AES_256]))
    except UnsupportedAlgorithm:
        return False
    return True


def seipd_2(
    data: bytes, session_key: bytes, *, salt: bytes, cipher: int = AES_256, chunk_size: int = CHUNK_SIZE
) -> bytes:
    """The packet. data: packets. salt: random octets, never used before. chunk_size: 2 to that power, times 64."""
    head = bytes((2, cipher, OCB, chunk_size))
    about = bytes((0xC0 | SEIPD,)) + head
    size = KEY_OCTETS[cipher]
    derived = HKDF(hashes.SHA256(), size + NONCE, salt, about).derive(session_key)
    aead, start = AESOCB3(derived[:size]), derived[size:]
    view, step = memoryview(data), 1 << chunk_size + 6
    chunks = [
        aead.encrypt(start + number.to_bytes(8, "big"), view[at : at + step], about)
        for number, at in enumerate(range(0, len(data), step))
    ]
    end = aead.encrypt(start + len(chunks).to_bytes(8, "big"), b"", about + len(data).to_bytes(8, "big"))
    return framed(SEIPD, b"".join((head, salt, *chunks, end)))
