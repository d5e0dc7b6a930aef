"""File names that say whose file it is, as scanners and practice systems write them: "Judge_Jeffrey_19660507_report".

A date behind two words tells a name also where one of them is an everyday word, which alone would be none.
"""

import re
from collections.abc import Iterator
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final

from policy.phi import headers
from policy.phi.data.load import Vocabulary
from policy.phi.mention import Mention
from policy.phi.report import Kind

_STRENGTH: Final = 0.85
_WORD: Final = r"[^\W\d_]{2,}"
_DATED: Final = re.compile(
    rf"\b(?P<one>{_WORD})[ ,-]{{1,2}}(?P<two>{_WORD})(?:[ -][^\W\d_])?[ -]"
    r"(?:19|20)\d\d[ -]?(?:0[1-9]|1[0-2])[ -]?[0-3]\d\b"
)
_GENITIVE: Final = re.compile(r"(?<=[^\W\d_])_s(?=[_.]|$)")  # a file name holds no apostrophe: "Parkinson_s_disease"
_BLANKS: Final = re.compile(r"[_.+]+")


def names_of(part: Message) -> set[str]:
    """Return the names that a part gives itself, decoded."""
    names = set()
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        for key, value in headers.parameters(part, header, parameter):
            if key == parameter and value:
                names.add(" ".join(headers.decoded(collapse_rfc2231_value(value)).split()))
    return names


def readable(name: str) -> str:
    """Return a file name as its words, without its ending."""
    return _BLANKS.sub(" ", _GENITIVE.sub("'s", name.rpartition(".")[0] or name))


def find_dated_names(text: str, words: Vocabulary) -> Iterator[Mention]:
    """Yield names before a date. text: a file name, as `readable` gives it."""
    for match in _DATED.finditer(text):
        pair = {match["one"].lower(), match["two"].lower()}
        families = {word for word in pair if word in words.surnames or word in words.rare_surnames}
        if any(given in words.given_names and families - {given} for given in pair):
            start, end = match.start("one"), match.end("two")
            yield Mention(Kind.NAME, start, end, text[start:end], _STRENGTH, "a name before a date in a file name")
