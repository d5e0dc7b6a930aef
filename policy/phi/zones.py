"""Parts of a text that speak about the mail and not about a patient: signatures, confidentiality footers, attributions.

They are found by shape, line by line. An identifier inside a zone is still found; only its meaning changes: the name
in a signature is the sender's, and "protected health information" in a footer is nobody's.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Final

from policy.phi.view import View

_MARKS: Final = (">", "|")
_QUOTE: Final = re.compile(r"^(?:[>|] ?){1,8}", re.MULTILINE)
_WRAP_AT: Final = 60  # a line this long that ends without a blank line was wrapped by a program

_CLOSER: Final = re.compile(
    r"(?:--|__+|(?:best|kind|warm|warmest|with|many)? ?(?:regards|wishes|thanks|thank you|sincerely|cheers"
    r"|respectfully)"
    r"|best|thx|yours(?: truly| sincerely)?|cordially|sent from my .{0,40})[ ,.!-]{0,4}",
    re.IGNORECASE,
)
_CLOSER_STARTS: Final = frozenset("-_bBkKwWmMrRtTsScCyY")
_PHONE_LINE: Final = re.compile(r"(?:[a-z]{0,8}[.: ]{0,3})?\+?[\d (). -]{9,20}(?:x\d{1,6})?", re.IGNORECASE)
_NAME_LINE: Final = re.compile(r"[A-Z][\w'-]{1,24}(?: [A-Za-z][\w'.-]{0,24}){1,4}(?:, [A-Za-z., -]{2,20})?")
_TITLE_LINE: Final = re.compile(r"[A-Za-z][A-Za-z&/, -]{2,48}")
_ATTRIBUTION: Final = re.compile(
    r"(?:from|to|cc|bcc|sent|date|reply-to|forwarded by)\*? ?: .{0,300}|on .{4,120} wrote: ?"
    r"|-{2,}.{0,60}(?:message|forward).{0,60}-{2,}",
    re.IGNORECASE,
)
_FOOTER_PHRASES: Final = tuple(
    phrase.strip()
    for phrase in """
    confidential, privileged, intended recipient, intended only, intended for, intended solely, sole use
    received this, in error, unauthorized, unauthorised, disclosure, hipaa, protected health information
    destroy all copies, notify the sender, legally protected, delete it, delete this
    """.replace("\n", ",").split(",")
    if phrase.strip()
)
WORDS: Final = frozenset(_FOOTER_PHRASES)
_FOOTER_LENGTH: Final = 60
_SIGNATURE_LINES: Final = 8
# What no signature and no footer says: something about somebody's health, as a sentence or as a note.
_MATTER: Final = re.compile(
    r"\b(?:diagnosed (?:with|as)|admitted|discharged|started on|prescribed|underwent|tested|s/p|c/o|y/?o|mrn"
    r"|(?:is|was|came back|screen|results?|hiv|covid|std) (?:now )?(?:positive|negative|malignant|benign)"
    r"|\d{1,3} ?[mf]\b|\d (?:mg|mcg|ml|units)\b)",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"\b(?:is|was|has|had|takes|took|needs|denies|reports|came|called) ")  # in no signature


class Zone(Enum):
    """What a stretch of text is, when it is not the matter itself."""

    SIGNATURE = auto()
    FOOTER = auto()
    ATTRIBUTION = auto()


@dataclass(frozen=True, slots=True)
class Zones:
    """Stretches of one text, in order, without overlap."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    kinds: tuple[Zone, ...]

    def at(self, offset: int) -> Zone | None:
        """Return the zone that holds a character, or None."""
        index = bisect_right(self.starts, offset) - 1
        return self.kinds[index] if index >= 0 and offset < self.ends[index] else None


def unquote(text: str) -> str:
    """Take the marks of quoted history from the line starts."""
    is_quoted = text.startswith(_MARKS) or any(f"\n{mark}" in text for mark in _MARKS)
    return _QUOTE.sub("", text) if is_quoted else text


def flow(text: str) -> str:
    """Return the text of the same length in which the line ends that a program put in are blanks.

    So a name or a number that was wrapped is matched as one, and offsets stay what they were.
    """
    lines = text.split("\n")
    joined = [line + (" " if len(line) >= _WRAP_AT and after.strip() else "\n") for line, after in pairwise(lines)]
    return "".join((*joined, lines[-1]))


def find_zones(view: View, sender_names: frozenset[str]) -> Zones:
    """Find the zones of a text. sender_names: display names of the From field, lower case."""
    lines = view.text.split("\n")
    marks: list[Zone | None] = [None] * len(lines)
    phrases = sorted(start for word in view.words.keys() & WORDS for start in view.words[word])
    may_hold_footer = len(view.words.keys() & WORDS) > 1
    after = -1
    for index, line in enumerate(lines):
        start, after = after + 1, after + 1 + len(line)
        stripped = line.strip()
        if not stripped:
            continue
        if (stripped[0] == "-" or ":" in stripped) and len(stripped) < 420 and _ATTRIBUTION.fullmatch(stripped):
            marks[index] = Zone.ATTRIBUTION
        elif marks[index] is None and len(stripped) < 60 and _opens_signature(lines, index, sender_names):
            _mark_signature(lines, marks, index)
        elif (
            may_hold_footer
            and len(stripped) > _FOOTER_LENGTH
            and _count(phrases, start, after) > 1
            and _is_footer(stripped, phrases=2)
        ):
            marks[index] = Zone.FOOTER
    if may_hold_footer:
        _mark_wrapped_footers(lines, marks, phrases)
    return _merged(lines, marks)


def _is_footer(text: str, *, phrases: int) -> bool:
    """Tell whether a line or paragraph holds so many different phrases of a footer, and no matter."""
    lower = text[:3000].lower()
    return sum(phrase in lower for phrase in _FOOTER_PHRASES) >= phrases and not _MATTER.search(text)


def _opens_signature(lines: list[str], index: int, sender_names: frozenset[str]) -> bool:
    stripped = lines[index].strip()
    if stripped[0] in _CLOSER_STARTS and _CLOSER.fullmatch(stripped):
        return True
    if not _NAME_LINE.fullmatch(stripped):
        return False
    if stripped.lower() in sender_names:
        return True
    following = [line.strip() for line in lines[index + 1 : index + 4]]
    return (
        len(following) >= 2 and bool(_TITLE_LINE.fullmatch(following[0])) and bool(_PHONE_LINE.fullmatch(following[1]))
    )


def _mark_signature(lines: list[str], marks: list[Zone | None], first: int) -> None:
    """Mark the lines of a signature: short ones, up to a blank line that is not right below the closing words."""
    for index in range(first, min(first + _SIGNATURE_LINES, len(lines))):
        stripped = lines[index].strip()
        is_over = len(stripped) > 70 or (not stripped and index > first + 1) or _ATTRIBUTION.fullmatch(stripped)
        if is_over or _MATTER.search(stripped) or _SENTENCE.search(stripped):
            return
        marks[index] = Zone.SIGNATURE


def _count(starts: Sequence[int], first: int, end: int) -> int:
    """Count the offsets in a stretch. starts: in order."""
    return bisect_left(starts, end) - bisect_left(starts, first)


def _mark_wrapped_footers(lines: list[str], marks: list[Zone | None], phrases: Sequence[int]) -> None:
    """Mark whole paragraphs that are footers although no single line of them says enough."""
    first = start = end = 0
    for index in range(len(lines) + 1):
        if index == len(lines) or not lines[index].strip():
            # Three phrases, one of which a line end may have cut.
            if (
                index - first > 1
                and _count(phrases, start, end) > 1
                and _is_footer(" ".join(lines[first:index]), phrases=3)
            ):
                marks[first:index] = [Zone.FOOTER] * (index - first)
            first = index + 1
            start = end + (len(lines[index]) + 1 if index < len(lines) else 0)
        if index < len(lines):
            end += len(lines[index]) + 1


def _merged(lines: list[str], marks: list[Zone | None]) -> Zones:
    found: list[tuple[int, int, Zone]] = []
    offset = 0
    for line, mark in zip(lines, marks, strict=True):
        end = offset + len(line) + 1
        if mark is not None:
            if found and found[-1][1] == offset and found[-1][2] is mark:
                found[-1] = (found[-1][0], end, mark)
            else:
                found.append((offset, end, mark))
        offset = end
    starts, ends, kinds = zip(*found, strict=True) if found else ((), (), ())
    return Zones(tuple(starts), tuple(ends), tuple(kinds))
