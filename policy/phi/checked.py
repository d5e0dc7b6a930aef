"""Numbers that their issuer gave a check digit or a shape of their own. Linear.

What is left out: a number whose check digit is wrong is none, so a typing error hides one unless it has a label too.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from policy.phi.anchored import AT_NUMBER, Anchored
from policy.phi.cards import is_luhn
from policy.phi.labels import MENTIONS, lifted
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

# CMS, Medicare Beneficiary Identifier format: position 2, 5, 8 and 9 are letters without S, L, O, I, B, Z.
_LETTER: Final = "[ac-hjkmnp-rt-y]"
_MBI: Final = Anchored(
    rf"(?<![\w-])[1-9]{_LETTER}(?:{_LETTER}|\d)\d[- ]?{_LETTER}(?:{_LETTER}|\d)\d[- ]?{_LETTER}{{2}}\d\d(?![\w-])",
    number=AT_NUMBER,
)
# ISO 3779: 17 characters without I, O and Q; position 9 checks the others in North America (49 CFR 565.15(c)).
_VIN: Final = Anchored(r"(?<![\w-])[A-HJ-NPR-Z0-9]{17}(?![\w-])", number=AT_NUMBER, is_cased=True)
_LABELLED_VIN: Final = Anchored(
    r"\b(?:vin\b|vehicle identification)(?: (?:number|no\b\.?))?[ :#]{1,4}(?:is )?(?P<value>[a-hj-npr-z0-9]{17})(?!\w)",
    *("vin", "vehicle identification"),
)
_VIN_WORTH: Final = {
    **{str(digit): digit for digit in range(10)},
    **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)),
}
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_PLATE: Final = Anchored(
    r"\b(?i:licen[cs]e plate|number plate|plate)(?i: (?:no\b\.?|number|is|#))?[ :#]{1,4}"
    r"(?P<value>(?=[A-Z -]{0,6}\d)(?=[\d -]{0,6}[A-Z])[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2,4})(?![\w-])",
    *("licen", "number plate", "plate"),
    is_cased=True,
)
# 21 CFR 801.3: a device identifier (GS1: AI 01, 14 digits), then the production identifier; AI 21 is the serial
# number, without which the label names a model and not somebody's device.
_UDI: Final = Anchored(r"\(01\) ?(?P<gtin>\d{14})(?: ?\(\d\d\) ?[\w/-]{1,20}){0,6}", "(01)", is_cased=True)

_NPI: Final = Anchored(
    r"\b(?:npi|national provider id(?:entifier)?)(?: (?:number|no\b\.?|is|#))?[ :#]{0,4}(?P<value>[12]\d{9})(?!\w)",
    *("npi", "national provider id"),
)
_DEA: Final = Anchored(
    r"\bdea(?: (?:reg(?:istration)?))?(?: (?:number|no\b\.?|is|#))?[ :#]{0,4}"
    r"(?P<value>[a-hj-mprstux][a-z9]\d{7})(?!\w)",
    "dea",
)
_IBAN: Final = Anchored(
    r"(?<![\w-])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])", number=-2, is_cased=True
)
_ROUTING: Final = Anchored(
    r"\b(?:routing|aba|rtn|transit)\b(?: (?:number|no\b\.?|#))?[ :#]{0,4}(?:is )?(?P<value>\d{9})(?!\w)",
    *("routing", "aba", "rtn", "transit"),
)
_PATTERNS: Final = (_MBI, _VIN, _LABELLED_VIN, _PLATE, _UDI, _NPI, _DEA, _IBAN, _ROUTING)
WORDS: Final = frozenset().union(*(pattern.words for pattern in _PATTERNS))


def find_checked(view: View) -> Iterator[Mention]:
    """Yield numbers that point at a patient or a patient's things: MBI, VIN, licence plate, UDI with serial number."""
    for match in islice(_MBI.finditer(view), MENTIONS):
        yield _whole(Kind.MEMBER_ID, view, match, 0.95, "the shape of a Medicare number", Role.PATIENT)
    for match in islice(_VIN.finditer(view), MENTIONS):
        if is_vin(match[0]):
            yield lifted(_whole(Kind.VEHICLE, view, match, 0.45, "a vehicle number with a right check digit"), view)
    for match in islice(_LABELLED_VIN.finditer(view), MENTIONS):
        yield lifted(_value(Kind.VEHICLE, view, match, 0.45, "a vehicle number after its label"), view)
    for match in islice(_PLATE.finditer(view), MENTIONS):
        yield lifted(_value(Kind.VEHICLE, view, match, 0.45, "a licence plate after its label"), view)
    for match in islice(_UDI.finditer(view), MENTIONS):
        if "(21)" in match[0] and is_gtin(match["gtin"]):
            yield lifted(_whole(Kind.DEVICE, view, match, 0.5, "a unique device identifier with serial number"), view)


def find_professional(view: View) -> Iterator[Mention]:
    """Yield numbers for rules alone, which never decide what is PHI: NPI, DEA numbers, IBAN and routing numbers."""
    for match in islice(_NPI.finditer(view), MENTIONS):
        if is_luhn("80840" + match["value"]):  # 45 CFR 162.406; CMS, NPI check digit: ISO/IEC 7812 with this prefix
            yield _value(Kind.PROVIDER_ID, view, match, 0.95, "a provider number with a right check digit")
    for match in islice(_DEA.finditer(view), MENTIONS):
        if is_dea(match["value"]):
            yield _value(Kind.PROVIDER_ID, view, match, 0.95, "a DEA number with a right check digit")
    for match in islice(_IBAN.finditer(view), MENTIONS):
        if is_iban(match[0]):
            yield _whole(Kind.BANK_ACCOUNT, view, match, 0.9, "an IBAN with right check digits")
    for match in islice(_ROUTING.finditer(view), MENTIONS):
        if is_routing(match["value"]):
            yield _value(Kind.BANK_ACCOUNT, view, match, 0.85, "a bank's routing number with a right check digit")


def is_vin(value: str) -> bool:
    """Whether position 9 checks the others; X stands for 10 (49 CFR 565.15(c)). value: 17 characters, upper case."""
    if value.isdigit():
        return False
    total = sum(_VIN_WORTH[character] * weight for character, weight in zip(value, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == value[8]


def is_dea(value: str) -> bool:
    """Whether the last digit checks the six before: odd places once, even places twice (21 CFR 1301; DEA's scheme)."""
    digits = [int(digit) for digit in value[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_iban(value: str) -> bool:
    """Whether the number is 1 modulo 97 with its first four characters last and letters as 10 to 35 (ISO 13616)."""
    compact = value.replace(" ", "")
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_routing(value: str) -> bool:
    """Whether the digits weighed by 3, 7, 1 sum to a multiple of ten (American Bankers Association)."""
    weighed = sum(int(digit) * weight for digit, weight in zip(value, (3, 7, 1) * 3, strict=True))
    return weighed % 10 == 0 and value != "000000000"


def is_gtin(value: str) -> bool:
    """Whether the last of 14 digits checks the others, weighed by 3 and 1 (GS1 General Specifications 7.9)."""
    return sum(int(digit) * weight for digit, weight in zip(value, (3, 1) * 7, strict=True)) % 10 == 0


def _whole(
    kind: Kind, view: View, match: re.Match[str], strength: float, why: str, role: Role = Role.UNKNOWN
) -> Mention:
    start, end = match.span()
    return Mention(kind, start, end, view.text[start:end], strength, why, role)


def _value(kind: Kind, view: View, match: re.Match[str], strength: float, why: str) -> Mention:
    start, end = match.span("value")
    return Mention(kind, start, end, view.text[start:end], strength, why)
