"""Fold the ways in which Unicode lets one text look like another, before anything is matched (MP-13).

What a reader sees as "123-45-6789" must match as that, whether it was typed full-width, in Arabic-Indic digits, with
zero-width characters or soft hyphens inside, in combining marks, or with Cyrillic letters that look Latin.
Line feeds survive, so that line numbers can be told.
"""

import re
import unicodedata
from typing import Final

# Default_Ignorable_Code_Point (Unicode DerivedCoreProperties): invisible in every rendering, so dropped.
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BREAKS: Final = re.compile("\r\n?|[\u2028\u2029\x85]")

# Letters of other scripts that render as a Latin one (Unicode UTS #39 confusables, the part that matters).
_LOOKALIKES: Final = {
    **dict(zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԝһ", "ABESIJKMHOPCTYXaesijopcyxdqwh", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονι", "ABEZHIKMNOPTYXovi", strict=True)),
}
_PUNCTUATION: Final = {
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys("‘’‛ʼ＇´`", "'"),
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " "
    ),
}
_FOLD: Final = str.maketrans({**_LOOKALIKES, **_PUNCTUATION})


def normalise(text: str) -> str:
    """Return the text as it is matched: folded, without invisible characters, lines ended by one line feed.

    Never fails. Accents on Latin letters stay (names need them); combining sequences are composed (NFKC).
    """
    text = _BREAKS.sub("\n", text)
    if text.isascii():
        return _CONTROL.sub("", text).replace("\t", " ").replace("`", "'")
    text = _IGNORABLE.sub("", unicodedata.normalize("NFKC", text).translate(_FOLD))
    return _CONTROL.sub("", "".join(map(_digit, text)) if any(map(_is_foreign_digit, text)) else text)


def lower_case(text: str) -> str:
    """Return the text in lower case and of the same length, so that offsets in one are offsets in the other."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(character.lower()[:1] for character in text)


def _is_foreign_digit(character: str) -> bool:
    return character > "\x7f" and character.isdecimal()


def _digit(character: str) -> str:
    """Fold a decimal digit of any script (general category Nd) to ASCII."""
    return str(unicodedata.decimal(character)) if _is_foreign_digit(character) else character
