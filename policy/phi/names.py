"""Names of people, and what the words around say about their role.

How this works: runs of capitalised words are candidates. The words right before and right after decide: "Patient:",
"was discharged" or an age make a patient; "Dr.", "RN" or "Contact" make staff. Without such words a candidate is a
person only when the name lists know it, and then with the role unknown. Lines without any capital are searched word by
word against the lists.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Final, NamedTuple

from policy.phi.data.load import Vocabulary
from policy.phi.mention import Mention, Role
from policy.phi.names_cues import (
    AGE,
    CREDENTIALS,
    EPONYM_AFTER,
    GREETING_AFTER,
    GREETING_BEFORE,
    IDENTITY_BEFORE,
    IN_PLACE_BEFORE,
    NOT_NAMES,
    ORGANISATION,
    PATIENT_AFTER,
    PATIENT_BEFORE,
    PATIENT_LABEL,
    PLACES,
    SELF_BEFORE,
    STAFF_AFTER,
    STAFF_BEFORE,
    STAFF_TITLES,
    TITLES,
    TRADE,
    WORKER_AFTER,
)
from policy.phi.names_lines import EVERYDAY, lower_case_lines, may_name
from policy.phi.report import Kind

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][\w'-]{1,24}"
# The look-behind stands after the first letter, so that the search can skip to capitals.
_RUN: Final = re.compile(
    r"[A-ZÀ-ÖØ-Þ](?<![\w@./'-].)[\w'-]{1,24}\.?"
    rf"(?:,? (?:{_WORD}|[A-Z]\b\.?|(?:van|der|den|de|la|del|von|bin|al|da|dos)\b)){{0,5}}"
)
_TOKEN: Final = re.compile(r"[\w'-]+")
_POSSESSIVE: Final = re.compile(r"'s?\Z")
_PERSON_TITLE: Final = re.compile(r"\b(?:mr|mrs|ms|miss|mx)\.? \Z")
# What the long expressions of `names_cues` cannot do without; asked first, for they are tried at every word.
_TITLE_ENDS: Final = frozenset({"mr ", "rs ", "ms ", "ss ", "mx ", "r. ", "s. ", "x. "})
_SELF_ENDS: Final = ("i am", "i'm", "name is", "this is", "it's", "it is", "me,")
_LABEL_SIGNS: Final = (*":#=|", "visit", "transcript", "session", "appointment", "results", "labs")
_AGE_WORDS: Final = ("old", "y/o", " patient")
_YEARS_OLD: Final = re.compile(r"\d ?yo\b")
_TRADE_ENDS: Final = ("er", "or", "ers", "ors", "ist", "ian", "ists", "ians")
_TITLE_LENGTH: Final = 7  # with a character before
_BED: Final = re.compile(r"\b(?:bed|room|rm\.?) #?\d{1,4}[a-d]?[:,]? \Z")
_BED_LENGTH: Final = 14
_BED_ENDS: Final = frozenset("0123456789abcd:,")
_INITIAL: Final = re.compile(r"[A-Z]\Z")
_DIGIT: Final = re.compile(r"\d")
_AUTHORS: Final = re.compile(r"[A-Z][\w'-]+ [A-Z]{1,2}(?:,| and |\)| et al)")  # "Nakagawa T, Ferrero L"
_NOT_ALONE: Final = re.compile(r"(?:^|[(;.,] ?)\Z")
_LOWER_TITLE: Final = re.compile(r"m(?<!\wm)(?:rs?|s|iss)\.? [a-z][a-z'-]{2,20}(?= [a-z\d]|'s|[.,])")
_LEADING: Final = NOT_NAMES | TITLES | STAFF_TITLES  # words that lead to a name
_FORMAL: Final = frozenset({"mr", "mrs", "ms", "miss", "mx"})
_GIVEN_AND_FAMILY: Final = 2
_LOOK_BACK: Final = 40
_LOOK_AHEAD: Final = 72
_AGE_REACH: Final = 70
_CANDIDATES: Final = 20_000


class _Candidate(NamedTuple):
    """A run of capitalised words without the words that only lead to it or follow it. lower: its words so."""

    start: int
    end: int
    words: Sequence[str]
    lower: Sequence[str]
    is_inverted: bool  # "Last, First"
    has_credentials: bool


def find_names(text: str, vocabulary: Vocabulary) -> list[Mention]:
    """Return the people named in a normalised text. Linear in the length of the text."""
    found: list[Mention] = []
    for run in islice(_RUN.finditer(text), _CANDIDATES):
        words = run.group()
        if " " not in words and not _may_be_name(text, run.start(), words.rstrip("."), vocabulary):
            continue
        candidate = _candidate(run.start(), words, vocabulary)
        mention = candidate and _judge(text, candidate, vocabulary)
        if mention:
            found.append(mention)
    found.extend(_lower_case_names(text, vocabulary))
    return found


def _may_be_name(text: str, start: int, word: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a single capitalised word, mostly the first of a sentence, is worth a closer look."""
    lower = _without_possessive(word).lower()
    if lower in vocabulary.given_names:
        return True
    end = text[max(0, start - 3) : start].lower()  # a title or bed ends in few ways
    if end in _TITLE_ENDS and _is_titled(_before(text, start, _TITLE_LENGTH, word)):
        return True
    return end[-2:-1] in _BED_ENDS and _is_in_bed(text, start, lower, vocabulary)


def _is_in_bed(text: str, start: int, lower: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a surname stands after a bed or room: "Bed 3 Ames"."""
    if lower not in vocabulary.surnames and lower not in vocabulary.rare_surnames:
        return False
    return lower not in NOT_NAMES and _BED.search(text[max(0, start - _BED_LENGTH) : start].lower()) is not None


def _before(text: str, start: int, reach: int, word: str) -> str:
    """Return what stands before a candidate in its line, in lower case; "MS" before "Windows" is no title."""
    before = text[max(0, start - reach) : start].rpartition("\n")[2]
    return (before[:-3] if before.endswith("MS ") and not word.isupper() else before).lower()


def _without_possessive(word: str) -> str:
    return _POSSESSIVE.sub("", word) if "'" in word else word


def _candidate(start: int, run: str, vocabulary: Vocabulary) -> _Candidate | None:
    tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(run)]
    while tokens and _leads(tokens, run, vocabulary):
        tokens = tokens[1:]
    if len(tokens) > 1 and tokens[0][0].isupper() and len(tokens[0][0]) > 1 and run[tokens[0][2]] == ".":
        tokens = tokens[1:]  # the end of the sentence before: "the ICU. Roe"
    tokens = _cut(tokens, run)
    has_credentials = names_place = False
    while tokens and (tokens[-1][0].lower() in NOT_NAMES or _is_credential(tokens[-1][0]) or _is_abbreviation(tokens)):
        has_credentials = has_credentials or _is_credential(tokens[-1][0])
        names_place = names_place or tokens[-1][0].lower() in PLACES
        tokens = tokens[:-1]
    if not tokens or names_place:
        return None
    inverted = len(tokens) > 1 and run[tokens[0][2] : tokens[0][2] + 1] == ","
    if not inverted and "," in run:
        keep = next((at for at, (_, _, end) in enumerate(tokens[:-1], 1) if run[end : end + 1] == ","), len(tokens))
        tokens = tokens[:keep]
    word, first, last = tokens[-1]
    trimmed = _without_possessive(word)
    tokens[-1] = (trimmed, first, last - len(word) + len(trimmed))
    words = [token[0] for token in tokens]
    lower = [word.lower() for word in words]
    is_place = not ORGANISATION.isdisjoint(lower) and not _is_ward_or_park(lower, vocabulary)
    if is_place or (inverted and len(words) > 4):
        return None
    return _Candidate(start + tokens[0][1], start + tokens[-1][2], words, lower, inverted, has_credentials)


def _cut(tokens: list[tuple[str, int, int]], run: str) -> list[tuple[str, int, int]]:
    """Return the words after a title ("Saw Mrs Roe") up to a number or an owner ("Grant R01-MH112233" is nobody)."""
    for index, token in enumerate(tokens[:3]):
        if token[0].lower() in _FORMAL:
            tokens = tokens[index + 1 :]
            break
    end = len(tokens)
    if _DIGIT.search(run):
        end = next((at for at, token in enumerate(tokens) if _DIGIT.search(token[0])), end)
    if "'s" in run:
        end = min(end, _possessive(tokens) + 1)
    return tokens[:end]


def _leads(tokens: list[tuple[str, int, int]], run: str, vocabulary: Vocabulary) -> bool:
    """Tell whether the first word only leads to a name: a title, a word of a sentence, a trade ("Pianist Jane Roe")."""
    first = tokens[0][0].lower()
    if first in _LEADING:
        return not _is_surname(tokens, run, vocabulary)
    is_name = first in vocabulary.given_names or first in vocabulary.surnames or first in vocabulary.rare_surnames
    return len(tokens) > _GIVEN_AND_FAMILY and not is_name and _is_trade_word(first)


def _is_surname(tokens: list[tuple[str, int, int]], run: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a title is a family name that stands first: "Judge, Guadalupe"."""
    first, _, end = tokens[0]
    return run[end : end + 1] == "," and first.lower() in STAFF_TITLES and first.lower() in vocabulary.surnames


def _possessive(tokens: list[tuple[str, int, int]]) -> int:
    """Return which word owns what follows ("Karen O'Neil's Humira"), or the last when none does."""
    for index, (token, _, _) in enumerate(tokens[1:-1], 1):
        after = tokens[index + 1][0].lower()
        if token.endswith("'s") and not (after in ORGANISATION or after in NOT_NAMES or after in PLACES):
            return index
    return len(tokens) - 1


def _is_ward_or_park(lower: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Tell whether a word of places is the surname in a name of two words, as in "Iris Ward"."""
    return len(lower) == 2 and lower[1] in vocabulary.surnames and lower[0] not in ORGANISATION


def _is_abbreviation(tokens: list[tuple[str, int, int]]) -> bool:
    """Tell whether the last word is capitals after a word that is not, as in "Maria Delgado HIV"."""
    last, first = tokens[-1][0], tokens[0][0]
    return len(tokens) > 2 and 1 < len(last) < 6 and last.isupper() and not first.isupper()


def _is_credential(word: str) -> bool:
    return (word.lower() in CREDENTIALS and word.isupper()) or word in {"PharmD", "PhD"}


def _judge(text: str, candidate: _Candidate, vocabulary: Vocabulary) -> Mention | None:
    """Decide whether a candidate names a person, and in which role."""
    before = _before(text, candidate.start, _LOOK_BACK, candidate.words[-1])
    after = text[candidate.end : candidate.end + _LOOK_AHEAD].partition("\n")[0].lower()
    known = _known(candidate, vocabulary)
    is_abbreviation = known and candidate.words[0].isupper()
    if len(candidate.words) == 1 and (not known or is_abbreviation) and not _is_titled(before):
        if not is_abbreviation and _is_in_bed(text, candidate.start, candidate.lower[0], vocabulary):
            return Mention(
                Kind.NAME,
                candidate.start,
                candidate.end,
                candidate.words[0],
                0.8,
                "a surname after a bed",
                Role.PATIENT,
            )
        return None  # a capitalised word like any other, or "ADA"
    if _AUTHORS.match(text, candidate.start) and _NOT_ALONE.search(before):
        return None
    if before.endswith(('"', '"mr. ', '"mrs. ', '"ms. ')):
        return None  # somebody who is an example
    if EPONYM_AFTER.match(after) or (
        len(candidate.words) == 1 and IN_PLACE_BEFORE.search(before) and not _is_titled(before)
    ):
        return None
    verdict = (
        _staff(candidate, before, after, known)
        or _patient(text, candidate, before, after, known)
        or _unknown(candidate, known, vocabulary)
    )
    if verdict is None:
        return None
    role, strength, why = verdict
    return Mention(
        Kind.NAME, candidate.start, candidate.end, text[candidate.start : candidate.end], strength, why, role
    )


def _known(candidate: _Candidate, vocabulary: Vocabulary) -> int:
    """Count what the lists know of a name: 2 for given name and surname, 1 for one of them, 0 for neither."""
    lower = candidate.lower
    if len(lower) == 1:
        return int(lower[0] in vocabulary.given_names)
    if candidate.is_inverted:
        return _count(lower[1], lower[0], vocabulary)
    known = _count(lower[0], lower[-1], vocabulary)
    return known if known == _GIVEN_AND_FAMILY or len(lower) > 2 else max(known, _count(lower[1], lower[0], vocabulary))


def _count(given: str, surname: str, vocabulary: Vocabulary) -> int:
    is_given, families = given in vocabulary.given_names, vocabulary.surnames
    if surname in families:
        return is_given + 1
    pieces = surname.split("-")
    is_family = all(piece in families for piece in pieces)
    if is_given and not is_family:
        rare = vocabulary.rare_surnames
        is_family = surname in rare or all(piece in rare or piece in families for piece in pieces)
    return is_given + is_family


def _staff(candidate: _Candidate, before: str, after: str, known: int) -> tuple[Role, float, str] | None:
    if GREETING_BEFORE.match(before) and GREETING_AFTER.match(after):
        return Role.STAFF, 0.0, "a person who is greeted"
    if WORKER_AFTER.match(after):
        return None
    if candidate.has_credentials or STAFF_AFTER.match(after):
        return Role.STAFF, 0.0, "a name with a profession"
    if STAFF_BEFORE.search(before) and (known or len(candidate.words) <= 3):
        return Role.STAFF, 0.0, "a name after a provider's or employee's title"
    if _is_trade(before) and not PATIENT_AFTER.match(after):
        return Role.STAFF, 0.0, "a name after a trade"
    return None


def _is_titled(before: str) -> bool:
    return before[-3:] in _TITLE_ENDS and _PERSON_TITLE.search(before) is not None


def _is_labelled(before: str) -> bool:
    return any(sign in before for sign in _LABEL_SIGNS) and PATIENT_LABEL.search(before) is not None


def _is_trade_word(word: str) -> bool:
    return word.endswith(_TRADE_ENDS) and TRADE.fullmatch(word) is not None


def _is_trade(before: str) -> bool:
    """Tell whether a trade, or who somebody is, stands right before: "pianist ", "the landlord is "."""
    if not before.endswith(" "):
        return False
    last = before.rstrip(" ,").rpartition(" ")[2]
    return _is_trade_word(last) if last != "is" else IDENTITY_BEFORE.search(before) is not None


def _patient(text: str, candidate: _Candidate, before: str, after: str, known: int) -> tuple[Role, float, str] | None:
    several = len(candidate.words) > 1
    titled = _is_titled(before)
    if (known or candidate.is_inverted or several) and _is_labelled(before):
        return Role.PATIENT, 0.92, "a name after a label for a patient"
    if several and before.rstrip(" :").endswith(_SELF_ENDS) and SELF_BEFORE.search(before):
        return Role.PATIENT, 0.85, "a person who names himself or herself"
    if PATIENT_AFTER.match(after) and (known or titled or (several and not all(map(str.isupper, candidate.words)))):
        strength = 0.88 if titled or (several and known) else 0.72
        return Role.PATIENT, strength, "a name followed by what happens to a patient"
    if PATIENT_BEFORE.search(before) and (known or titled):
        return Role.PATIENT, 0.85, "a name after words for a patient"
    nearby = text[max(0, candidate.start - _AGE_REACH) : candidate.end + _AGE_REACH].lower()
    may_be_age = any(word in nearby for word in _AGE_WORDS) or _YEARS_OLD.search(nearby)
    if known and may_be_age and AGE.search(nearby):
        return Role.PATIENT, 0.85, "a name beside an age"
    if titled:
        return Role.PATIENT, 0.7, "a name with a title"
    if candidate.is_inverted and known == 2:
        return Role.PATIENT, 0.8, "a name written family name first"
    return None


def _unknown(candidate: _Candidate, known: int, vocabulary: Vocabulary) -> tuple[Role, float, str] | None:
    words, lower = candidate.words, candidate.lower
    if len(words) < 2 or not known:
        return None
    if known == 2:
        return Role.UNKNOWN, 0.68, "a given name and a surname"
    if lower[-1] in ORGANISATION or all(word.isupper() and len(word) > 1 for word in words):
        return None
    if _INITIAL.match(words[-1]) and lower[0] not in EVERYDAY:
        return Role.UNKNOWN, 0.6, "a given name and an initial"
    is_given = lower[0] in vocabulary.given_names
    return Role.UNKNOWN, 0.6 if is_given else 0.52, "two words, one of them a known name"


def _lower_case_names(text: str, vocabulary: Vocabulary) -> Iterator[Mention]:
    """Yield names in lines written without capitals: "mr. savage's labs", "xiu fisher"."""
    for first, line in lower_case_lines(text):
        for title in _LOWER_TITLE.finditer(line):
            start, end = first + title.start(), first + title.end()
            yield Mention(Kind.NAME, start, end, title.group(), 0.7, "a name with a title", Role.PATIENT)
        if not may_name(line, vocabulary):
            continue
        tokens = list(_TOKEN.finditer(line))
        for one, two in pairwise(tokens):
            word, second = one.group(), _without_possessive(two.group())
            gap = line[one.end() : two.start()]
            pair = (second, word) if gap == ", " else (word, second)
            if gap not in {" ", ", "} or pair[0] not in vocabulary.given_names or pair[1] not in vocabulary.surnames:
                continue
            if pair[0] in EVERYDAY and pair[1] in EVERYDAY:
                continue
            start, end = first + one.start(), first + one.end() + len(gap) + len(second)
            words = (word, second)
            candidate = _Candidate(start, end, words, words, gap == ", ", has_credentials=False)
            mention = _judge(text, candidate, vocabulary)
            if mention:
                yield mention
