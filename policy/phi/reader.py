"""Mail that speaks to its reader as to a patient, or whose writer speaks as one: "Your INR is 4.6, please come in".

The address of such a reader identifies a patient although no name stands in the text.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from policy.phi.anchored import Anchored
from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

_THINGS: Final = (
    r"(?:appointments?|visit|results?|labs?|lab work|prescriptions?|refills?|medications?|meds|dose"
    r"|surgery|procedure|operation|biopsy|scan|mri|ct|x-?ray|ultrasound|mammogram|colonoscopy"
    r"|diagnos[ie]s|treatment|therapy|session|test|tests|blood \w{3,10}|bloodwork|inr|a1c|hba1c"
    r"|cholesterol|glucose|potassium|creatinine|hemoglobin|tsh|psa|pap|biopsies|pregnancy|infusion|vaccine"
    r"|immunization|chemo\w{0,8}"
    r"|discharge|referral|symptoms|condition|cancer|infection|diabetes|asthma|wound|incision|claim"
    r"|prior authorization|explanation of benefits|eob|medical records?|test results?|chart|inhaler"
    r"|insulin|implant|pacemaker|dialysis|screening results|transfer|cleaning|crown|filling|embryos?)"
)
_YOUR: Final = Anchored(
    rf"\b(?:your|ur)(?: (?:son|daughter|child|mother|father|husband|wife|baby|mom|dad)'s)?(?: (?!doctor"
    rf"|health|body|blood\b)[\w'/-]{{1,20}}){{0,3}}? {_THINGS}\b",
    *("your", "ur"),
)
_YOU: Final = Anchored(
    r"\byou (?:are|were|have been|have|had|may have|need|should|tested|missed|will (?:need"
    r"|be))(?: [\w'-]{1,15}){0,2}? (?:diagnosed|scheduled for|prescribed|due for|overdue for|admitted"
    r"|discharged|tested|positive|negative|pregnant|treated|referred"
    r"|denied|approved for|stop taking|start taking|take|fast|fasting|a (?:biopsy|scan|colonoscopy|surgery"
    r"|follow-up))\b",
    "you ",
)
_MINE: Final = Anchored(
    rf"\bmy (?:[\w'/-]{{1,20}} ){{0,2}}?(?:doctor|{_THINGS[3:-1]}|pain|bp|blood pressure|insurance should"
    rf"|period|side effects|depression|anxiety|migraines?|back pain)\b"
    r"|\bi (?:was|am|have been|'ve been|have|had|started|stopped|take|took|am taking|need"
    r"|missed)(?: [\w'-]{1,15}){0,2}? (?:diagnosed|prescribed|pregnant|charged|taking|refill|appointment"
    r"|symptoms|surgery|allergic|bleeding|dizzy|vomiting|fever|rash)\b",
    *("my ", "i "),
)
_GENERAL: Final = re.compile(
    r"\b(?:talk|speak|ask|see|contact|call|consult)(?: to| with)? your\b|\bif you (?:are|have|were)\b"
)
_GREETING: Final = re.compile(
    r" {0,3}(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)),? (?!doctor|all|team|colleague"
    r"|friend|patient|member|subscriber|customer|reader|valued)[a-z][\w'-]{1,20}",
)
_SPECIFIC: Final = re.compile(
    r"\d{1,2}:\d{2}|\b\d{1,2} ?[ap]\.?m\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\d{1,2}/\d{1,2}"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}\b|\b(?:is|are|was|were"
    r"|of) (?:now )?(?:\d|ready|back|in\b|available|attached|positive|negative|normal|abnormal|high|low"
    r"|elevated|scheduled|confirmed)|came back|\$\d",
)
_SPECIFIC_REACH: Final = 140
_IN_GENERAL: Final = 0.4  # "your creatinine" with nobody greeted and nothing stated: advice, not a record
_PERSONAL: Final = 0.9  # somebody is greeted, and a time, an amount or a result is stated: a letter, not advice
_OWNER: Final = re.compile(r"\b(my|your|ur)(?: (?!doctor|health|body|patients?\b)[\w'/-]{1,20}){0,3} \Z")
_OWNERS: Final = ("my ", "your", "ur ")
_REACH: Final = 48  # characters between an owner and the health word
_LIMIT: Final = 200
_OF_READER: Final = "the text speaks to its reader as to a patient"
_OF_WRITER: Final = "the writer speaks as a patient"
_TALK: Final = ((_YOUR, 0.8, _OF_READER), (_YOU, 0.8, _OF_READER), (_MINE, 0.7, _OF_WRITER))
WORDS: Final = frozenset(_OWNERS).union(*(pattern.words for pattern, _, _ in _TALK))


def find_reader(view: View, health: Sequence[Mention]) -> Iterator[Mention]:
    """Yield stretches that address the reader as a patient, or in which the writer speaks as one.

    health: what the text says about health; "your" or "my" right before such a word speaks of its owner.
    """
    if not view.words.keys() & WORDS:
        return
    lower = view.lower
    is_greeted = _is_greeted(lower)
    yield from _owned(view, health, is_greeted=is_greeted)
    for pattern, strength, why in _TALK:
        for match in islice(pattern.finditer(view), _LIMIT):
            if not _is_general(lower[max(0, match.start() - 24) : match.start() + 8]):
                signs = is_greeted + bool(_SPECIFIC.search(lower, match.end(), match.end() + _SPECIFIC_REACH))
                yield Mention(
                    Kind.EMAIL, *match.span(), match[0], (_IN_GENERAL, strength, _PERSONAL)[signs], why, Role.READER
                )


def _is_general(lower: str) -> bool:
    """Tell whether words speak to anybody: "ask your doctor", "if you have"."""
    return (" your" in lower or "if you " in lower) and _GENERAL.search(lower) is not None


def _is_greeted(lower: str) -> bool:
    """Tell whether a line greets somebody by name."""
    start = 0
    while not _GREETING.match(lower, start):
        start = lower.find("\n", start) + 1
        if not start:
            return False
    return True


def _owned(view: View, health: Sequence[Mention], *, is_greeted: bool) -> Iterator[Mention]:
    """Yield "my" and "your" with the health word that they own."""
    lower = view.lower
    owners = sorted(
        start
        for word in _OWNERS
        for start in view.words.get(word, ())
        if not start or not (lower[start - 1].isalnum() or lower[start - 1] == "_")
    )
    if not owners:
        return
    for mention in [mention for mention in health if mention.strength > _IN_GENERAL][:_LIMIT]:
        reach = max(0, mention.start - _REACH)
        first, last = bisect_left(owners, reach), bisect_left(owners, mention.start)
        if first == last:
            continue
        matches = (_OWNER.match(lower, start, mention.start) for start in owners[first:last])
        owner = next(filter(None, matches), None)
        if owner and not _is_general(lower[max(0, owner.start() - 24) : mention.start]):
            is_specific = (
                owner[1] == "my" or is_greeted or _SPECIFIC.search(lower, mention.end, mention.end + _SPECIFIC_REACH)
            )
            why = _OF_WRITER if owner[1] == "my" else _OF_READER
            strength = 0.78 if is_specific else _IN_GENERAL
            yield Mention(Kind.EMAIL, owner.start(), mention.end, mention.value, strength, why, Role.READER)
