"""Payment card numbers, for rules only: they never decide whether something is PHI. Linear in the text."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from policy.phi.anchored import AT_NUMBER, Anchored
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

MOST: Final = 2_000  # in one text
# 12 to 19 digits, in groups or not, between what is neither letter, digit nor mark of ASCII.
_NUMBER: Final = Anchored(
    r"(?<![A-Za-z0-9_.-])[0-9](?:[ -]?[0-9]){12,18}(?![A-Za-z0-9_-])", number=AT_NUMBER, is_cased=True
)
# First digits and lengths (ISO/IEC 7812-1; ranges as the networks publish them): Visa, Mastercard, American Express,
# Discover, Diners Club, JCB.
_ISSUED: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
)
_WORDS: Final = re.compile(
    r"card|visa|amex|american express|credit|debit|diners|discover|jcb|cvv|cvc|exp\b", re.IGNORECASE
)
_NEAR: Final = 48  # characters before the number, and after it


def find_cards(view: View) -> Iterator[Mention]:
    """Yield numbers with the shape of an issuer and a right check digit; surer where the words around say so."""
    for match in islice(_NUMBER.finditer(view), MOST):
        digits = match[0].replace(" ", "").replace("-", "")
        if _ISSUED.fullmatch(digits) and is_luhn(digits):
            around = view.text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
            strength, why = (
                (0.95, "a card number and a word for it") if _WORDS.search(around) else (0.6, "a card number")
            )
            yield Mention(Kind.CARD, *match.span(), digits, strength, why, Role.UNKNOWN)


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1 annex B)."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0
