"""Numbers, dates and addresses that point at a person: by label, by shape and by the rules of the issuer.

Every expression is linear: no repetition inside a repetition, every repetition bounded.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from policy.phi import checked, columns, labels
from policy.phi.anchored import AT_NUMBER, Anchored
from policy.phi.checked import find_checked
from policy.phi.columns import find_columns
from policy.phi.labels import MENTIONS, find_labelled
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

_MONTH: Final = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
DATE: Final = (
    rf"(?:\d{{1,2}}[-/. ]\d{{1,2}}[-/. ](?:\d{{4}}|\d{{2}})|(?:19|20)\d{{2}}[-/.]?\d{{2}}[-/.]?\d{{2}}"
    rf"|{_MONTH} ?\d{{1,2}}(?:st|nd|rd|th)?,? ?\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?[- ]{_MONTH}[- ,]{{1,2}}\d{{2,4}})"
)
_DOB: Final = Anchored(
    r"\b(?:d\.?o\.?b\.?|date of birth|birth ?-?da?te?|birth ?dt|birthday|born(?: on)?)\b"
    rf"[^\w\n]{{0,6}}(?P<value>{DATE})",
    *("do", "d.o", "date of birth", "birth", "born"),
)

_BIRTH_YEAR: Final = Anchored(
    r"\b(?:d\.?o\.?b\.?|yob|year of birth|born)\b[^\w\n]{0,3}(?P<value>(?:19|20)\d\d)(?![-/.]?\d)",
    *("do", "d.o", "yob", "year of birth", "born"),
)
# HL7 v2.5.1 section 3.4.2: fields 3 and 5 of PID; ASC X12 NM1 with IL, QC: a segment that somebody pasted into a text.
_PID: Final = Anchored(
    r"\bpid\|(?:[^|\n]{0,80}\|){2}(?P<mrn>[^|\n^~]{0,40})[^|\n]{0,200}\|[^|\n]{0,80}\|(?P<value>[^|\n]{2,80})", "pid|"
)
_NM1: Final = Anchored(r"\bnm1\*(?:il|qc|74)\*1\*(?P<value>[^*~\n]{1,60}\*[^*~\n]{1,40})", "nm1*")

# SSA: area 000, 666 and 900-999, group 00 and serial 0000 are never issued.
_SSN: Final = Anchored(
    r"(?<![\w.-])(?!000|666|9)\d{3}(?P<gap>[ .|-]{1,3}|)\n?(?!00)\d{2}(?P=gap)\n?(?!0000)\d{4}(?![\w-])",
    number=AT_NUMBER,
    is_cased=True,
)
# After the label any nine digits count: a taxpayer number (9xx) or a mistyped one is somebody's all the same.
_LABELLED_SSN: Final = Anchored(
    r"\b(?:ssn|ss ?[#:]|soc(?:ial)? sec(?:urity)?(?: (?:no|number|num|#))?)\.?[^\w\n]{0,6}\n?[^\w\n]{0,3}(?:is )?"
    r"(?P<value>\d{3}[ .|-]{0,3}\n?\d{2}[ .|-]{0,3}\n?\d{4})(?!\d)",
    *("ss", "soc sec", "social sec"),
)
_CARE: Final = (
    "seen treated admitted discharged reviewed referred diagnosed evaluated examined hospitalized visit surgery"
    " operated underwent procedure admission consulted"
).split()
_SERVICE_DATE: Final = Anchored(
    rf"\b(?:{'|'.join(_CARE)}|lab result)\b[^\n?!;]{{0,60}}? (?P<value>{DATE})", *_CARE, "lab result"
)
_NOT_SSN_LABEL: Final = re.compile(
    r"\b(?:order|invoice|inv|tracking|po|p\.o\.|ref(?:erence)?|ndc|ticket|item|part|rma|lot|batch|upc|asin|quote"
    r"|confirmation|serial|sku|model|case|ein|tax id|npi|grant|protocol|catalog(?:ue)?|cat|product|return"
    r"|mrn|record|chart|member|account|acct|phone|tel|fax|isbn|shipment|bill of lading|purchase order)\b[^\n]{0,24}\Z",
    re.IGNORECASE,
)
_PHONE: Final = Anchored(
    r"(?<![\w.-])(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}(?![\w-])",
    *("+", "("),
    number=AT_NUMBER,
    is_cased=True,
)
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_LOCAL_PART: Final = re.compile(r"[\w.+-]{1,64}\Z")
_LOCAL_LENGTH: Final = 64  # RFC 5321 section 4.5.3.1.1
_STREET: Final = Anchored(
    r"\b\d{1,6} (?:[NSEW]\.? )?[A-Z][\w'-]{1,24}(?: [A-Z][\w'-]{1,24}){0,2} "
    r"(?:St(?:reet)?|Ave(?:nue)?|R(?:oa)?d|Blvd|Boulevard|Lane|Ln|Dr(?:ive)?|C(?:our)?t|Way|Pl(?:ace)?|Terrace|Circle|Cir|Pkwy|Parkway|Hwy|Highway)\b\.?",
    number=AT_NUMBER,
    is_cased=True,
)
_HOME: Final = re.compile(
    r"\b(?:lives?|living|resid(?:es?|ing)|home(?: address)?|moved|lived)\b[^\n.;]{0,24}\Z", re.IGNORECASE
)
# 45 CFR 164.514(b)(2)(i)(C): ages over 89 are identifiers.
_GREAT_AGE: Final = Anchored(
    r"(?<![\w.-])(?:9\d|1[01]\d)(?:[- ]{0,2}(?:year|yr)s?[- ]{1,2}old| ?y/?o)\b", number=AT_NUMBER
)
_AGED: Final = Anchored(r"\bage[d:]?:? (?P<value>9\d|1[01]\d)(?![\w%]|[.-]\d)", "age")
_STAFF_PHONE: Final = re.compile(
    r"\b(?:fax|office|lab|clinic|pharmacy|help ?desk|analysts|questions|contact|desk|front desk"
    r"|support|customer service|toll[- ]free|ext)\b[^\n]{0,28}\Z",
    re.IGNORECASE,
)
_RELATIVES: Final = r"(?:patient|pt|mother|father|mom|dad|parents?|wife|husband|daughter|son|spouse|guardian)"
_HOME_PHONE: Final = re.compile(
    rf"\b(?:call|reach|contact|phone|text)(?:ed)? (?:the |her |his )?{_RELATIVES}"
    r"(?: [\w'-]{1,20}){0,3} (?:at|on) \Z"
    rf"|\b{_RELATIVES}'?s? (?:home |cell |mobile )?(?:phone|cell|mobile|tel)[^\n]{{0,12}}\Z",
    re.IGNORECASE,
)
_LOOK_BACK: Final = 48
_WITH_WORDS: Final = (_DOB, _BIRTH_YEAR, _PID, _NM1, _LABELLED_SSN, _SERVICE_DATE, _PHONE, _AGED)
WORDS: Final = frozenset(
    {"@"}.union(labels.WORDS, checked.WORDS, columns.WORDS, *(pattern.words for pattern in _WITH_WORDS))
)


def find_identifiers(view: View) -> list[Mention]:
    """Return the identifiers in a text, names aside. Linear in the length of the text."""
    if not view.numbers:
        return list(_new(_emails(view), set()))  # all others hold digits
    table = find_columns(view)
    found = [*_labelled(view), *table.people]
    taken = {mention.start for mention in found}
    found.extend(_new((ssn for ssn in _ssns(view) if ssn.start not in table.goods), taken))
    for find in (find_checked, _phones, _emails, _addresses, _service_dates, _great_ages):
        found.extend(_new(find(view), taken))
    return found


def may_hold_identifier(view: View, *, before: int) -> bool:
    """Tell whether an identifier other than an address may begin in the first so many characters."""
    return bool(view.numbers) and (
        view.numbers[0] < before or any(starts[0] < before for word, starts in view.words.items() if word in WORDS)
    )


def _new(mentions: Iterator[Mention], taken: set[int]) -> Iterator[Mention]:
    """Yield the first mentions that begin where none began before."""
    for mention in islice(mentions, MENTIONS):
        if mention.start not in taken:
            taken.add(mention.start)
            yield mention


def _labelled(view: View) -> Iterator[Mention]:
    for match in _DOB.finditer(view):
        yield _value(Kind.DOB, view, match, 0.9, "a date after a birth date label", Role.PATIENT)
    for match in _BIRTH_YEAR.finditer(view):
        yield _value(Kind.DOB, view, match, 0.6, "a year after a birth date label", Role.UNKNOWN)
    for pattern in (_PID, _NM1):
        for match in islice(pattern.finditer(view), MENTIONS):
            yield _value(Kind.NAME, view, match, 0.9, "the patient of a segment of HL7 or X12", Role.PATIENT)
    for match in islice(_PID.finditer(view), MENTIONS):
        if match["mrn"].strip():
            start, end = match.span("mrn")
            why = "the record number of a segment of HL7"
            yield Mention(Kind.MRN, start, end, view.text[start:end], 0.95, why, Role.PATIENT)
    yield from find_labelled(view)


def _value(kind: Kind, view: View, match: re.Match[str], strength: float, why: str, role: Role) -> Mention:
    """Return what stands after a label, as it is written."""
    start, end = match.span("value")
    return Mention(kind, start, end, view.text[start:end], strength, why, role)


def _ssns(view: View) -> Iterator[Mention]:
    for match in _LABELLED_SSN.finditer(view):
        yield _value(Kind.SSN, view, match, 0.97, "nine digits after a social security label", Role.PATIENT)
    for match in _SSN.finditer(view):
        if match["gap"].strip() and not _NOT_SSN_LABEL.search(_before(view, match)):
            yield Mention(
                Kind.SSN, *match.span(), match[0], 0.65, "the shape of a social security number", Role.UNKNOWN
            )


def _before(view: View, match: re.Match[str]) -> str:
    """Return the words before a match in its line."""
    return view.text[max(0, match.start() - _LOOK_BACK) : match.start()].rpartition("\n")[2]


def _phones(view: View) -> Iterator[Mention]:
    for match in _PHONE.finditer(view):
        before = _before(view, match)
        if _HOME_PHONE.search(before):
            yield Mention(Kind.PHONE, *match.span(), match[0], 0.6, "the phone of a patient or relative")
            continue
        role = Role.STAFF if _STAFF_PHONE.search(before) else Role.UNKNOWN
        yield Mention(Kind.PHONE, *match.span(), match[0], 0.2, "the shape of a phone number", role)


def _emails(view: View) -> Iterator[Mention]:
    """Yield mail addresses; each is looked for backwards from its sign, which nothing else in it may be."""
    end = 0
    for at in view.words.get("@", ()):
        local = _LOCAL_PART.search(view.text, max(0, at - _LOCAL_LENGTH), at)
        if local and local.start() >= end and (match := _EMAIL.match(view.text, local.start())):
            end = match.end()
            yield Mention(Kind.EMAIL, *match.span(), match[0], 0.2, "the shape of a mail address")


def _service_dates(view: View) -> Iterator[Mention]:
    """Yield dates of care; 45 CFR 164.514(b)(2)(i)(C) counts every date but the year that relates to an individual."""
    for match in _SERVICE_DATE.finditer(view):
        yield _value(Kind.SERVICE_DATE, view, match, 0.4, "a date of care", Role.UNKNOWN)


def _great_ages(view: View) -> Iterator[Mention]:
    for pattern in (_GREAT_AGE, _AGED):
        for match in pattern.finditer(view):
            yield Mention(Kind.AGE_OVER_89, *match.span(), match[0], 0.3, "an age over 89")


def _addresses(view: View) -> Iterator[Mention]:
    for match in _STREET.finditer(view):
        is_home = _HOME.search(_before(view, match)) is not None
        strength, why = (0.62, "where somebody lives") if is_home else (0.35, "the shape of a street address")
        yield Mention(Kind.ADDRESS, *match.span(), match[0], strength, why)
