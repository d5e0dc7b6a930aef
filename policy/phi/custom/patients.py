"""A list of patients that finds exactly them, and does not tell who they are.

How this works: of every name and number only an HMAC is kept (64 bits of it), under a key that lies in another file. A
text is cut into words, and each run of as many words as some entry has is hashed and looked up. Words of a name may
stand in any order, initials are left out, and signs within a number do not count. Whoever has the list and the key can
test guesses; whoever has the list alone can do nothing.
"""

import hmac
import json
import re
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from policy.phi.mention import Mention, Role
from policy.phi.normalise import lower_case, normalise
from policy.phi.report import Kind
from policy.phi.view import View

MOST: Final = 1_000_000  # entries: 8 MB in each inspector
KEY_BYTES: Final = 32
_OPENING: Final = b"mailward patients 1\n"
_CHECK: Final = b"\0check"  # no entry begins with a zero byte
_WORDS: Final = 4  # of an entry
_NUMBER: Final = 5  # characters of a number, or it would be a year or a room
_NAME: Final = 4
_GROUPS: Final = (2, 3)  # a number may stand in so many words, such as those of a telephone
_WORD: Final = re.compile(r"[^\W_]+(?:['.@+_-]+[^\W_]+)*")
_LETTERS: Final = re.compile(r"[^\W_]+")
_WHY: Final = "somebody on the list of patients"


class ListError(ValueError):
    """The list cannot be used as it is; the text says what to do."""


class Word(NamedTuple):
    """A word without its signs, and where it stands. kind: what it would be if it were an entry by itself."""

    text: str
    start: int
    end: int
    kind: Kind | None


def entry(value: str) -> str:
    """Return a value as it is hashed.

    value: a name of two to four words, a number of five characters or more with a digit, or a mail address.
    Raises: ValueError, without the value, for what would be found in anybody's mail.
    """
    words = tuple(_split(lower_case(normalise(value))))
    if not words:
        raise ValueError("has no letters and no digits")
    if len(words) > _WORDS:
        raise ValueError(f"has more than {_WORDS} words")
    joined = _joined([word.text for word in words])
    if len(words) == 1 and words[0].kind is None:
        raise ValueError("is one word without a digit; a name has two or more")
    if len(joined) < (_NUMBER if any(map(str.isdigit, joined)) else _NAME):
        raise ValueError("is too short")
    return joined


def build_list(values: Iterable[str], key: bytes) -> tuple[bytes, int]:
    """Return the bytes of the list and how many entries it has. values: what `entry` returned, in any order.

    Raises: ListError for more than a million.
    """
    unique = set(values)
    if len(unique) > MOST:
        raise ListError(f"has more than {MOST:,} entries")
    hashes = array("Q", sorted({_hash(value, key) for value in unique}))
    if sys.byteorder == "big":
        hashes.byteswap()
    lengths = sorted({value.count(" ") + 1 for value in unique})
    head = {"words": lengths, "check": _check(key)}
    return _OPENING + json.dumps(head).encode() + b"\n" + hashes.tobytes(), len(hashes)


class Patients:
    """A list, ready to be asked."""

    def __init__(self, data: bytes, key: bytes) -> None:
        """Read what `build_list` wrote; without data there is nobody on it.

        Raises: ListError when it is no list, damaged, or of another key.
        """
        self._key = key
        self._hashes: Sequence[int] = ()
        self._lengths: tuple[int, ...] = ()  # words of the names on the list
        self._groups: tuple[int, ...] = ()  # the same, and in how many groups a number may stand
        if not data:
            return
        head, found, body = data.removeprefix(_OPENING).partition(b"\n")
        if not data.startswith(_OPENING) or not found or len(body) % 8 or len(body) > 8 * MOST:
            raise ListError("is no list of patients; build it again")
        try:
            told = json.loads(head)
            lengths, check = frozenset(int(length) for length in told["words"]), str(told["check"])
        except (ValueError, KeyError, TypeError):
            raise ListError("is no list of patients; build it again") from None
        if not hmac.compare_digest(check.encode(), _check(key).encode()):
            raise ListError("was built with another key; build it again")
        hashes = array("Q", body)
        if sys.byteorder == "big":
            hashes.byteswap()
        self._hashes = hashes
        self._lengths = tuple(sorted(lengths & frozenset(range(2, _WORDS + 1))))
        self._groups = tuple(sorted({*self._lengths, *_GROUPS}))

    def __repr__(self) -> str:
        return f"Patients({len(self._hashes)} entries)"

    def find(self, view: View) -> Iterator[Mention]:
        """Yield each name and number that is on the list. Linear in the text."""
        if not self._hashes:
            return
        words = list(_split(view.lower))
        texts = [word.text for word in words]
        missed: set[str] = set()  # runs of this text that are not on the list: most come more than once
        for first, word in enumerate(words):
            if word.kind is not None:
                if self._has(word.text):
                    yield _mention(word.kind, word, word, view)
                yield from self._parts(word, view)
            lengths = self._lengths if not word.text.isdigit() else self._groups
            for length in lengths:
                if length == 1 or first + length > len(words):
                    continue
                joined = _joined(texts[first : first + length])
                if joined in missed:
                    continue
                if self._has(joined):
                    kind = Kind.MRN if any(map(str.isdigit, joined)) else Kind.NAME
                    yield _mention(kind, word, words[first + length - 1], view)
                else:
                    missed.add(joined)

    def _parts(self, word: Word, view: View) -> Iterator[Mention]:
        """A number that a sign ties to its label: "mrn-0012345"."""
        if word.end - word.start == len(word.text):
            return
        for match in _LETTERS.finditer(view.lower, word.start, word.end):
            part = Word(match[0], match.start(), match.end(), _kind(match[0]))
            if part.kind is not None and self._has(part.text):
                yield _mention(part.kind, part, part, view)

    def _has(self, value: str) -> bool:
        wanted = _hash(value, self._key)
        place = bisect_left(self._hashes, wanted)
        return place < len(self._hashes) and self._hashes[place] == wanted


def _mention(kind: Kind, first: Word, last: Word, view: View) -> Mention:
    return Mention(kind, first.start, last.end, view.text[first.start : last.end], 0.97, _WHY, Role.PATIENT)


def _split(lower: str) -> Iterator[Word]:
    """Yield the words of a text; single letters are initials and left out."""
    for match in _WORD.finditer(lower):
        text = "".join(_LETTERS.findall(match[0])) if not match[0].isalnum() else match[0]
        if len(text) > 1 or text.isdigit():
            yield Word(text, match.start(), match.end(), _kind(match[0]))


def _kind(word: str) -> Kind | None:
    if "@" in word:
        return Kind.EMAIL
    return Kind.MRN if len(word) >= _NUMBER and any(map(str.isdigit, word)) else None


def _joined(texts: Sequence[str]) -> str:
    """Words as they are hashed: those of a number in their order, those of a name in that of the alphabet."""
    return "".join(texts) if all(map(str.isdigit, texts)) else " ".join(sorted(texts))


def _hash(value: str, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, value.encode(), "sha256")[:8], "big")


def _check(key: bytes) -> str:
    return hmac.digest(key, _CHECK, "sha256").hex()
