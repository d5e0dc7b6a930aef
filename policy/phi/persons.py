"""Whom a message names, as keyed hashes that an index of known patients can be asked for, and that tell nobody else.

How this works: a person is named by an identifier (a record number), or by a name together with a birth date. Of a name
each two of its words count, in any order, so that a middle name that one side leaves out does not part them; initials
do not count. A date that can be read as two days is both. Pure and bounded.
"""

import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import Any, Final

from policy.phi.mention import Mention, Role
from policy.phi.normalise import lower_case, normalise
from policy.phi.report import Kind

OF_ONE: Final = (Kind.SSN, Kind.MRN, Kind.MEMBER_ID)  # of which nobody has two
IDENTIFIERS: Final = frozenset({Kind.MRN, Kind.MEMBER_ID, Kind.ACCOUNT, Kind.OTHER_ID})
MOST_PEOPLE: Final = 50  # names, birth dates and numbers that are looked at, of each
MOST: Final = 500  # marks of a message
SHORTEST: Final = 4  # characters of an identifier
LETTERS: Final = 32  # hexadecimal digits of a mark
_WORD: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_NUMBER: Final = re.compile(r"\d+")
_MONTH: Final = re.compile(r"[a-z]{3,}")
_LABEL: Final = re.compile(r"(?:mrn|id|no|nr)(?=[a-z]*\d)")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WHOLE: Final = 8  # digits of a date without signs: 19610331
DAY_AND_YEAR: Final = 2  # numbers beside the name of a month
DAY_MONTH_YEAR: Final = 3
SHORT_YEAR: Final = 2  # digits, of this century or the last


def mark(key: bytes, text: str) -> str:
    """The keyed hash of one way to name somebody."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:LETTERS]


def id_marks(key: bytes, value: str) -> frozenset[str]:
    """Those of an identifier; none when it is too short to be one. A label that is written as one with it may be."""
    bare = "".join(filter(str.isalnum, lower_case(normalise(value))))
    forms = {bare, _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare}
    return frozenset(mark(key, f"id {form}") for form in forms if len(form) >= SHORTEST and any(map(str.isdigit, form)))


def person_marks(key: bytes, name: str, born: str) -> frozenset[str]:
    """Those of a name with a birth date; none when it has not two words, or the date is none."""
    words = sorted({word for word in _WORD.findall(lower_case(normalise(name))) if len(word) > 1})[:6]
    days = days_of(born)
    return frozenset(
        mark(key, f"person {one} {other} {day.isoformat()}") for one, other in combinations(words, 2) for day in days
    )


def address_mark(key: bytes, address: str) -> str:
    """Of an address; a patient's own."""
    return mark(key, f"address {address.lower()}")


def days_of(text: str) -> tuple[date, ...]:
    """The days that a written date can mean: none, one or two; with a year of two digits, of either century."""
    lower = lower_case(normalise(text))
    numbers = [(int(digits), len(digits)) for digits in _NUMBER.findall(lower)]
    months = [_MONTHS.index(word[:3]) + 1 for word in _MONTH.findall(lower) if word[:3] in _MONTHS]
    found: list[tuple[int, int, int]] = []
    if len(numbers) == 1 and numbers[0][1] == _WHOLE:
        value = numbers[0][0]
        found.append((value // 10_000, value // 100 % 100, value % 100))
    elif months and len(numbers) == DAY_AND_YEAR:
        found += [(year, months[0], numbers[0][0]) for year in _years(*numbers[1])]
    elif len(numbers) == DAY_MONTH_YEAR:
        (one, long), (two, _), (three, last) = numbers
        if long > SHORT_YEAR:
            found.append((one, two, three))
        else:
            found += [row for year in _years(three, last) for row in ((year, one, two), (year, two, one))]
    return tuple(dict.fromkeys(day for year, month, of in found for day in _day(year, month, of)))


def find_named(key: bytes, people: Iterable[Mention]) -> tuple[str, ...]:
    """Whom the mentions of a whole message name; sorted, at most MOST. key: empty, nobody keeps an index."""
    if not key:
        return ()
    mentions = [one for one in people if one.role is not Role.STAFF]
    found = {one for value in _values(mentions, IDENTIFIERS) for one in id_marks(key, value)}
    return tuple(sorted(found | _born(key, mentions))[:MOST])


def find_ways(key: bytes, people: Iterable[Mention]) -> tuple[tuple[str, ...], ...]:
    """The marks by each way to name a person that the message uses: a name with a birth date, a record number."""
    if not key:
        return ()
    mentions = [one for one in people if one.role is not Role.STAFF]
    numbers = {one for value in _values(mentions, frozenset({Kind.MRN})) for one in id_marks(key, value)}
    return tuple(tuple(sorted(way)[:MOST]) for way in (_born(key, mentions), numbers) if way)


def _born(key: bytes, mentions: Sequence[Mention]) -> set[str]:
    names, days = (_values(mentions, frozenset({kind})) for kind in (Kind.NAME, Kind.DOB))
    return {one for name in names for day in days for one in person_marks(key, name, day)}


def names_one(people: Iterable[Mention]) -> bool:
    """Whether all that points at somebody outside the staff can be one person.

    Two names of which neither has all the words, two birth dates, or two numbers of a kind that nobody has two of are
    two persons. What has more than is looked at is not one.
    """
    mentions = [one for one in people if one.role is not Role.STAFF]
    names = [_words(value) for value in _values(mentions, frozenset({Kind.NAME}))]
    others: list[list[frozenset[Any]]] = [
        [frozenset(days_of(value)) or frozenset({value}) for value in _values(mentions, frozenset({Kind.DOB}))],
        *([_bare(value) for value in _values(mentions, frozenset({kind}))] for kind in OF_ONE),
    ]
    return (
        all(len(some) < MOST_PEOPLE for some in (names, *others))
        and max(names, key=len, default=frozenset()) == frozenset().union(*names)  # one name has the words of all
        and all(frozenset.intersection(*some) for some in others if some)
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(lower_case(normalise(name))) if len(word) > 1)


def _bare(value: str) -> frozenset[str]:
    bare = "".join(filter(str.isalnum, lower_case(normalise(value))))
    return frozenset({_LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare})


def _values(mentions: Iterable[Mention], kinds: frozenset[Kind]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.value for one in mentions if one.kind in kinds))[:MOST_PEOPLE]


def _years(value: int, digits: int) -> tuple[int, ...]:
    return (value,) if digits > SHORT_YEAR else (1900 + value, 2000 + value)


def _day(year: int, month: int, of: int) -> Iterator[date]:
    try:
        yield date(year, month, of)
    except ValueError:
        return
