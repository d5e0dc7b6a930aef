"""Find the subject tags that raise a message's level, and take them out of the field (ID-09).

A tag counts in any case, folded, in encoded words, with look-alike letters: what a reader sees decides.
"""

from collections.abc import Sequence
from email.charset import QP, Charset
from email.header import Header
from typing import Final

from policy.phi.headers import decoded
from policy.phi.normalise import normalise

LONGEST: Final = 500  # octets of a subject whose tags are taken out: the work is done on the event loop
_NESTED: Final = 3  # a tag inside a tag, twice; what is hidden deeper stays
_LINE: Final = 76  # RFC 2047 section 2: a line with an encoded word is at most 76 characters long


def has_tag(subject: str, tags: Sequence[str]) -> bool:
    """Tell whether one of the tags stands in a decoded subject, whatever its case or script tricks."""
    seen = _folded(subject)
    return any(_folded(tag) in seen for tag in tags if tag.strip())


def remove_tags(value: bytes, tags: Sequence[str]) -> bytes:
    """Return the body of a Subject field without the tags.

    value: the raw field body as it stands after "Subject:", folded or not, with or without a final line end.
    Returns: a field body ready to stand after "Subject:": unchanged when no tag is in it, and when it is longer than
    LONGEST (the reader sees the tag then, which did its work all the same); b"" when nothing is left;
    else one blank and the text, ASCII as it is, anything else as RFC 2047 UTF-8 encoded words, folded with CRLF.
    """
    if len(value) > LONGEST:
        return value
    text = decoded(value.decode("utf-8", errors="surrogateescape").strip())
    if not has_tag(text, tags):
        return value
    for tag in tags:
        text = _without(text, tag)
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if not text:
        return b""
    header = Header(text, "us-ascii" if _is_plain(text) else _utf8(), maxlinelen=_LINE, header_name="Subject")
    return b" " + header.encode(linesep="\r\n").encode("ascii")


def _folded(text: str) -> str:
    return "".join(normalise(text).casefold().split())


def _without(text: str, tag: str) -> str:
    """Cut every occurrence of a tag, comparing folded characters but cutting the original ones."""
    wanted = _folded(tag)
    if not wanted:
        return text
    for _ in range(_NESTED):
        pieces = [(piece, index) for index, character in enumerate(text) for piece in _folded(character)]
        folded = "".join(piece for piece, _ in pieces)
        spans, at = [], folded.find(wanted)
        while at >= 0:
            spans.append((pieces[at][1], pieces[at + len(wanted) - 1][1] + 1))
            at = folded.find(wanted, at + len(wanted))
        if not spans:
            break
        for start, end in reversed(spans):
            text = f"{text[:start]} {text[end:]}"
    return text


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _utf8() -> Charset:
    charset = Charset("utf-8")
    charset.header_encoding = QP
    return charset
