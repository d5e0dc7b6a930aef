"""Values that a label gives to a person: "MRN: 00448812", "Driver's license no. D123-4567-8901". Linear.

How this works: a label, at most a few marks ("no.", "#", ":", "is"), then a value with a digit. A label that is also an
everyday word ("chart 2024", "policy 12") counts without a mark only before a number too long for a year or a section.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from policy.phi.anchored import Anchored
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

MENTIONS: Final = 2_000  # of one kind in one text; more adds nothing to a verdict
_VALUE: Final = (
    r"[ \t]{0,3}(?:number|num|no\b\.?|nbr|id|#)?[ \t]{0,3}(?:is\b|was\b|=|:|#|-)?[ \t#:|]{0,4}\n?[ \t|]{0,3}"
    r"(?P<value>(?=[a-z0-9-]{0,12}\d)[a-z0-9][a-z0-9-]{3,24})(?![\w@])"
)
_MARK: Final = r"(?= ?\.?(?: (?:number|num|no|nbr|id)\b| ?[#:]))"  # must stand after the label


class _Label(NamedTuple):
    """kind, strength, role: of what is found. digits: how many a value has at least, though a mark stands before it.

    label: an expression. words: with what it can begin, see `Anchored`.
    """

    kind: Kind
    strength: float
    role: Role
    digits: int
    label: str
    words: tuple[str, ...]


_LABELLED: Final = (
    _Label(
        Kind.MRN, 0.95, Role.PATIENT, 1,
        r"mrn|mr ?#|med(?:ical)? rec(?:ord)?|chart|patient(?: id)?(?= ?(?:#|id|no|num|:))|(?:pt|patient)\.? id"
        rf"|pt{_MARK}|unit record|hospital (?:no|number|id)|hosp{_MARK}|health record{_MARK}|case file",
        ("mr", "med", "chart", "patient", "pt", "unit record", "hosp", "health record", "case file"),
    ),
    _Label(
        Kind.MEMBER_ID, 0.92, Role.PATIENT, 1,
        r"(?:member|mbr)(?: id)?|subscriber(?: id)?|policy ?holder(?: id)?|insurance(?: id| policy)?"
        r"|medicare|medicaid|mbi|hicn?|beneficiary(?: id)?|enrollee(?: id)?|cardholder id"
        r"|(?:plan|insurance|member|medicare|medicaid) id card"
        rf"|insured(?:'s)? id|insured{_MARK}|health plan(?: beneficiary)?{_MARK}",
        ("member", "mbr", "subscriber", "policy", "insur", "medica", "mbi", "hic", "beneficiary", "enrollee",
         "cardholder id", "health plan", "plan id"),
    ),
    _Label(Kind.MEMBER_ID, 0.62, Role.PATIENT, 5, r"policy(?: id)?", ("policy",)),  # of a car as well
    _Label(Kind.MEMBER_ID, 0.45, Role.UNKNOWN, 4, r"group", ("group",)),  # of an employer, not of a person
    _Label(Kind.ACCOUNT, 0.64, Role.PATIENT, 1, r"acct|account|guarantor(?: id)?", ("acct", "account", "guarantor")),
    _Label(
        Kind.ACCOUNT, 0.62, Role.PATIENT, 6, rf"prescription|rx|(?:encounter|csn|accession|claim){_MARK}",
        ("prescription", "rx", "encounter", "csn", "accession", "claim"),
    ),
    _Label(
        Kind.ACCOUNT, 0.45, Role.PATIENT, 1, r"claim|encounter|visit(?: id)?|csn|fin|accession|prescription|rx",
        ("claim", "encounter", "visit", "csn", "fin", "accession", "prescription", "rx"),
    ),
    _Label(
        Kind.LICENSE, 0.75, Role.PATIENT, 4, rf"driver'?s?'? licen[cs]e|dl(?= is\b)|dl{_MARK}|passport|state id",
        ("driver", "dl", "passport", "state id"),
    ),
    # Of professionals and devices as often as of patients.
    _Label(
        Kind.LICENSE, 0.3, Role.UNKNOWN, 4, rf"(?:licen[cs]e|certificate|certification|permit){_MARK}",
        ("licen", "certif", "permit"),
    ),
    _Label(
        Kind.DEVICE, 0.45, Role.UNKNOWN, 3,
        rf"serial(?: (?:number|no\.?))?(?:[:#]? sn)?|s/n|sn{_MARK}|(?:device|implant){_MARK}",
        ("serial", "s/n", "sn", "device", "implant"),
    ),
    _Label(
        Kind.BIOMETRIC, 0.65, Role.PATIENT, 2,
        rf"(?:finger ?print|(?:retinal?|iris|palm) scan|(?:voice|palm) ?print|biometric)(?: template)?{_MARK}",
        ("finger", "retina", "iris", "palm", "voice", "biometric"),
    ),
    _Label(
        Kind.OTHER_ID, 0.4, Role.UNKNOWN, 3,
        rf"(?:subject|participant|donor|client|student|inmate|case|specimen|sample){_MARK}",
        ("subject", "participant", "donor", "client", "student", "inmate", "case", "specimen", "sample"),
    ),
)  # fmt: skip
_LABELS: Final = tuple(
    (
        entry,
        f"a value after a label for {entry.kind.value.replace('_', ' ')}",
        Anchored(rf"\b(?P<label>{entry.label}){_VALUE}", *entry.words),
    )
    for entry in _LABELLED
)
WORDS: Final = frozenset().union(*(pattern.words for _, _, pattern in _LABELS))

_NAMES_NUMBER: Final = re.compile(
    r"(?:\bid|\b(?:mr|cs|s|hic|s/)n|hic|mbi|#|no|number|card)\Z"
)  # the label itself says number
_DIGITS_ALONE: Final = 6  # a value without any mark before it has more than a year, a section or a house
_RECORD_ALONE: Final = 5  # "chart 55123": what stands after these labels is rarely anything else
_DATE_LIKE: Final = re.compile(
    r"(?:19|20)\d\d(?:-\d\d(?:\d\d)?|-\d\d-\d\d)?|(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d|\d{1,2}-\d{1,2}-(?:\d\d){1,2}"
)
_YEAR_LIKE: Final = re.compile(r"(?:19|20)\d\d(?:-\d\d(?:\d\d)?|-\d\d-\d\d)?")
_PHONE: Final = re.compile(r"(?:1-)?\d{3}-\d{3}-\d{4}")
_AMOUNT: Final = re.compile(r"\d+(?:mg|mcg|ml|kg|g|am|pm|st|nd|rd|th|hrs?|days?|weeks?|months?|years?|yrs?|k|m)")
# What belongs to somebody's body or hands, in the same line.
_OF_SOMEBODY: Final = re.compile(
    r"\b(?:he|she|his|her|him|implanted|explanted|(?:the|this|our) patient|pt|driver|passenger|victim|woman|man|girl"
    r"|boy|mother|father|son|daughter|husband|wife)\b"
)
_AROUND: Final = 60
_LIFTED: Final = frozenset({Kind.DEVICE, Kind.VEHICLE})
_LIFT: Final = 0.17


def find_labelled(view: View) -> Iterator[Mention]:
    """Yield values beside labels, in the order of the table."""
    for entry, why, pattern in _LABELS:
        for match in islice(pattern.finditer(view), MENTIONS):
            if _is_value(match, entry):
                start, end = match.span("value")
                found = Mention(entry.kind, start, end, view.text[start:end], entry.strength, why, entry.role)
                yield lifted(found, view)


def lifted(mention: Mention, view: View) -> Mention:
    """Return a device's or vehicle's number as surer when its line speaks of somebody who has it."""
    if mention.kind not in _LIFTED:
        return mention
    before = view.lower[max(0, mention.start - _AROUND) : mention.start].rpartition("\n")[2]
    after = view.lower[mention.end : mention.end + _AROUND].partition("\n")[0]
    if _OF_SOMEBODY.search(before) or _OF_SOMEBODY.search(after):
        return mention._replace(strength=mention.strength + _LIFT)
    return mention


def _is_value(match: re.Match[str], entry: _Label) -> bool:
    """Tell whether a value is a number somebody has, and no year, date, section or amount."""
    value, label = match["value"], match["label"]
    digits = sum(map(str.isdigit, value))
    if digits < entry.digits or _AMOUNT.fullmatch(value) or _PHONE.fullmatch(value):
        return False
    is_named = _NAMES_NUMBER.search(label) is not None
    between = match.string[match.end("label") : match.start("value")]
    if is_named or re.search(r"[a-z#:=]", between):
        return is_named or not _YEAR_LIKE.fullmatch(value)
    alone = _RECORD_ALONE if entry.kind is Kind.MRN else _DIGITS_ALONE
    return digits >= alone and not _DATE_LIKE.fullmatch(value)
