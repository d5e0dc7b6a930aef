"""First octets of what is never text, and the words for what no reader is there for."""

import re
from typing import Final

NOT_YET: Final = "attachment type not readable yet"
LEADING: Final = b"\xef\xbb\xbf \t\r\n"
_IMAGE: Final = "an image"
_WORDS: Final = (
    (b"\x89PNG", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"GIF8", _IMAGE),
    (b"BM", _IMAGE),
    (b"II*\x00", _IMAGE),
    (b"MM\x00*", _IMAGE),
    (b"\xd7\xcd\xc6\x9a", _IMAGE),  # WMF
    (b"\x01\x00\x00\x00\x58\x00\x00\x00", _IMAGE),  # EMF
    (b"%!PS", "a PostScript document"),
)
IMAGE: Final = f"{NOT_YET} ({_IMAGE})"
_BINARY_BYTES: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")


def unreadable_kind(data: bytes, *, is_declared_text: bool = False) -> str:
    """Return the reason why a file that begins so cannot be read, "" when it may be readable."""
    head = data[:1024].lstrip(LEADING)
    for magic, words in _WORDS:
        if head.startswith(magic) and not (magic == b"BM" and (is_declared_text or not is_binary(head))):
            return f"{NOT_YET} ({words})"
    return ""


def is_binary(data: bytes) -> bool:
    """Tell whether there are octets that no text has."""
    return _BINARY_BYTES.search(data) is not None
