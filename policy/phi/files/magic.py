"""First octets of what is never text, and the words for what no reader is there for."""

import re
from typing import Final

NOT_YET: Final = "attachment type not readable yet"
LEADING: Final = b"\xef\xbb\xbf \t\r\n"
_WORDS: Final = (
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BM", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"\xd7\xcd\xc6\x9a", "an image"),  # WMF
    (b"\x01\x00\x00\x00\x58\x00\x00\x00", "an image"),  # EMF
    (b"%!PS", "a PostScript document"),
)
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
