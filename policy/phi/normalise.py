"""Fold the ways in which Unicode lets one text look like another, before anything is matched (MP-13).

What a reader sees as "123-45-6789" must match as that, whether it was typed full-width, in Arabic-Indic digits, with
zero-width characters or soft hyphens inside, in combining marks, or with Cyrillic letters that look Latin.
Line feeds survive, so that line numbers can be told.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# Default_Ignorable_Code_Point (Unicode DerivedCoreProperties): invisible in every rendering, so dropped.
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Marks that NFKC composed with no letter: strike-through and the like, drawn over the letter that is read.
_COMBINING: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BREAKS: Final = re.compile("[\u2028\u2029\x85]")
_FOREIGN: Final = re.compile("[^\x00-\x7f]+")

# Letters of other scripts that render as a Latin one (Unicode UTS #39 confusables, the part that matters).
_LOOKALIKES: Final = {
    **dict(zip("АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԝһ", "ABESIJKMHOPCTYXaesijopcyxdqwh", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονιρτυκηχγ", "ABEZHIKMNOPTYXaoviptuknxy", strict=True)),
    **dict(zip("օհոսցքՕՍՏ", "ohnugpOUS", strict=True)),
    **dict(zip("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", "ABCDEHJKLMPRSTVWZ", strict=True)),
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)),
    **dict(zip("ıɩɡɑ", "iiga", strict=True)),
    **{chr(0x1F150 + index): letter for index, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")},  # white on a disc
    **{chr(0x1F170 + index): letter for index, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")},  # white on a square
}
_PUNCTUATION: Final = {
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys("‘’‛ʼ＇´`", "'"),
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2800\u3000\t", " "
    ),
}
_FOLD: Final = str.maketrans({**_LOOKALIKES, **_PUNCTUATION})
_ODD: Final = bytes((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))  # of ASCII: nobody sees them
_FOLDING: Final = "\u0130\u0131\u017f\u212a"  # match letters of ASCII where case does not count
_PLAIN: Final = bytes.maketrans(b"\t`", b" '")


def normalise(text: str) -> str:
    """Return the text as it is matched: folded, without invisible characters, lines ended by one line feed.

    Never fails. Accents on Latin letters stay (names need them); combining sequences are composed (NFKC).
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # In UTF-8 what is ASCII stands for itself, and bytes are mapped much faster than characters.
    text = text.encode(errors="surrogatepass").translate(_PLAIN, _ODD).decode(errors="surrogatepass")
    if text.isascii():
        return text
    pieces: list[str] = []
    end = 0
    for run in _FOREIGN.finditer(text):
        start = max(end, run.start() - 1)  # with the character before, which a combining mark may change
        pieces += (text[end:start], _fold(text[start : run.end()]))
        end = run.end()
    return "".join((*pieces, text[end:]))


def _fold(text: str) -> str:
    """Fold a run with characters beyond ASCII. What is ASCII after it never composes with it."""
    text = unicodedata.normalize("NFKC", _BREAKS.sub("\n", text)).translate(_FOLD)
    text = _COMBINING.sub("", _IGNORABLE.sub("", text))
    return _CONTROL.sub("", "".join(map(_digit, text)))


def may_hold(text: str, words: Iterable[str]) -> bool:
    """Tell, much faster than an expression that ignores case, whether one of these lower-case words may be there."""
    if not text.isascii() and any(letter in text for letter in _FOLDING):
        return True
    lower = text.lower()
    return any(word in lower for word in words)


def lower_case(text: str) -> str:
    """Return the text in lower case and of the same length, so that offsets in one are offsets in the other."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(character.lower()[:1] for character in text)


def _is_foreign_digit(character: str) -> bool:
    return character > "\x7f" and character.isdecimal()


def _digit(character: str) -> str:
    """Fold a decimal digit of any script (general category Nd) to ASCII."""
    return str(unicodedata.decimal(character)) if _is_foreign_digit(character) else character


def is_reversed(text: str) -> bool:
    """Tell whether an override (UAX #9: LRO, RLO) makes a text of Latin letters look different from its characters."""
    return "\u202e" in text or "\u202d" in text
