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
from policy.phi.names_cues import NOT_NAMES
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
    r"|insulin|implant|pacemaker|dialysis|screening results|transfer|cleaning|crown|filling|embryos?"
    r"|cpap|sleep study|(?:pt|therapy|counseling) session|physical therapy|shots?|exam|eye pressure|copay|deductible"
    r"|biopsy|stitches|cast|brace|allergies|blood|inhalers?|x-?rays?|lenses|hearing aids?|dentures|retainer|tooth|teeth"
    r"|nose|ears?|eyes?|knees?|legs?|arms?|feet|foot|hands?|hips?|shoulders?|neck|spine|back|skin|breasts?|lungs?|liver"
    r"|kidneys?|thyroid|stomach|colon|prostate|uterus|ovar(?:y|ies)|wrist|ankle|elbow|scalp|gums?|counts"
    r"|specialist|surgeon|therapist|baby|due date|ultrasounds?)"
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
    r"|denied|booked (?:with|for)|a no-?show|late for|in remission|clear(?:ed)? (?:to|for)|approved for|stop taking"
    r"|start taking|take|fast|fasting|a (?:biopsy|scan|colonoscopy|surgery"
    r"|follow-up))\b",
    "you ",
)
# "We have you down for the stress test": a reader who is taken in.
_EXPECTED: Final = Anchored(
    r"\b(?:have|got|put|see|saw|expect|expecting|scheduled|booked|need|want|moved|get|like|fit|squeeze|switch|start|started"
    r"|keep|put) you (?:down|in|for|on|back|at|to|off|up)\b",
    *("have you", "got you", "put you", "see you", "saw you", "expect", "scheduled you", "booked you", "need you"),
    *("want you", "moved you", "get you", "like you", "fit you", "squeeze you", "switch you", "start", "keep you"),
)
_READY: Final = Anchored(
    r"\b(?:it's|it is) time to (?:refill|renew|take|reorder)\b"
    r"|\b(?:prescription|medication|rx|order of meds|insulin|inhaler|glasses|lenses|contacts|hearing aids?)s?"
    r"[^.\n]{0,40} (?:is|are) ready (?:for (?:pick ?-?up|you)|to be picked up)",
    *("it's time", "it is time", "prescription", "medication", "rx", "order of meds", "insulin", "inhaler"),
    *("glasses", "lenses", "contacts", "hearing aid"),
)
_MINE: Final = Anchored(
    rf"\bmy (?:[\w'/-]{{1,20}} ){{0,2}}?(?:doctor|{_THINGS[3:-1]}|pain|bp|blood pressure|insurance should"
    rf"|period|side effects|depression|anxiety|migraines?|back pain"
    r"|(?:left |right |lower |upper |whole )(?:ear|eye|knee|leg|arm|foot|hand|hip|shoulder|breast|side|back|wrist"
    r"|ankle|chest)"
    r"|sugar|stomach|chest|throat|urine|stool|skin|seizures?|panic attacks?|cough|fever|rash|cramps|headaches?)\b"
    r"|\bi (?:was|am|have been|'ve been|have|had|started|stopped|take|took|am taking|need"
    r"|missed)(?: [\w'-]{1,15}){0,2}? (?:diagnosed|prescribed|pregnant|charged|taking|refill|appointment"
    r"|symptoms|surgery|allergic|bleeding|dizzy|vomiting|fever|rash)\b"
    r"|\b(?:doctor|dr\.?|nurse|specialist|surgeon)s? (?:[\w'-]{1,15} ){0,8}?(?:my|me|i have|i had|i need)\b",
    *("my ", "i ", "doctor", "dr ", "dr.", "nurse", "specialist", "surgeon"),
)
_GENERAL: Final = re.compile(
    r"\b(?:talk|speak|ask|see|contact|call|consult)(?: to| with)? your\b|\bif you (?:are|have|were)\b|\bif your?\b"
)
_GREETING: Final = re.compile(
    r"\n {0,3}(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)),? (?!doctor|all|team|colleague|friend|patient"
    r"|member|subscriber"
    r"|customer|reader|valued|parents?\b|famil|staff|everyone|everybody|folks|neighbou?r|resident|student|provider|nurses?\b"
    r"|physician|employee|client|sirs?\b|madam|ladies|gentlemen|supporter|donor|volunteer|community|both|there\b)"
    r"[a-z][\w'-]{1,20}",
)
# "Jonah, your level is 1.3": a given name before a comma that opens a line, or after a word of good will.
_VOCATIVE: Final = re.compile(
    r"(?:^|\n) {0,3}(?P<initial>[A-Z]\. ?)?(?P<name>[A-Z][a-z'-]{1,20})(?: [A-Z][a-z'-]{1,20})?,"
    r"(?P<spoken> (?:your|you|you're|we|it's|this is|good|thank|thanks|dr)\b)?"
    r"|\b(?:Good news|Hello again|Reminder|Congratulations|Thanks|Thank you|Hi|Hey|Hello|Welcome back),? "
    r"(?P<told>[A-Z][a-z'-]{1,20})[!,.]"
)
_RELATIVE: Final = Anchored(
    r"\b(?:my|our) (?:(?:own|late|poor|little|older|younger|elderly|\d{1,2}[- ]year[- ]old) )?(?:wife|husband|spouse"
    r"|partner|mother|father|mom|mum|dad|son|daughter|brother|sister|grand(?:mother|father|ma|pa|son|daughter)|aunt"
    r"|uncle|kids?|child|children|baby|boy|girl|fianc\w{1,2}|boyfriend|girlfriend)\b"
    r"|\b(?:mom|mum|dad|daddy|mommy|grand(?:ma|pa)|granny|gramps)\b",
    *("my ", "our ", "mom", "mum", "dad", "grandma", "grandpa", "granny", "gramps"),
)
_OF_RELATIVE: Final = "a relative of the writer or the reader"

_SPECIFIC: Final = re.compile(
    r"\d{1,2}:\d{2}|\b\d{1,2} ?[ap]\.?m\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\d{1,2}/\d{1,2}"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}\b|\b(?:is|are|was|were"
    r"|of|at|to) (?:now |still |back |too |again |quite |very |a bit |only )?(?:\d|ready|back|in\b|available"
    r"|attached|positive|negative|normal|abnormal|high|low"
    r"|elevated|scheduled|confirmed)|came back|\$\d",
)
_SPECIFIC_REACH: Final = 140
_IN_GENERAL: Final = 0.4  # "your creatinine" with nobody greeted and nothing stated: advice, not a record
_OF_ONESELF: Final = 0.62  # "the doctor found a clot in my leg": no advice to anybody
_PERSONAL: Final = 0.9  # somebody is greeted, and a time, an amount or a result is stated: a letter, not advice
_OWNER: Final = re.compile(r"\b(my|your|ur)(?: (?!doctor|health|body|patients?\b)[\w'/-]{1,20}){0,3} \Z")
_OWNERS: Final = ("my ", "your", "ur ")
_REACH: Final = 48  # characters between an owner and the health word
_LIMIT: Final = 200
_OPENINGS: Final = frozenset(
    """
    also afterwards again anyway besides folks team everybody everyone members friends neighbors parents moreover
    meanwhile otherwise since still then therefore though thus instead nevertheless nonetheless sorry great perfect
    yeah sure okay done agreed noted correct fyi btw asap well good fine nice wow ouch oops however colleague doctor
    """.split()
)
_OPENING: Final = 2_000  # characters of a text in which somebody is called by name
_OF_READER: Final = "the text speaks to its reader as to a patient"
_OF_WRITER: Final = "the writer speaks as a patient"
_TALK: Final = (
    (_YOUR, 0.8, _OF_READER),
    (_YOU, 0.8, _OF_READER),
    (_READY, 0.8, _OF_READER),
    (_EXPECTED, 0.75, _OF_READER),
    (_MINE, 0.7, _OF_WRITER),
    (_RELATIVE, 0.68, _OF_RELATIVE),
)
WORDS: Final = frozenset(_OWNERS).union(*(pattern.words for pattern, _, _ in _TALK))


def find_reader(view: View, health: Sequence[Mention], *, is_greeted: bool) -> Iterator[Mention]:
    """Yield stretches that address the reader as a patient, or in which the writer speaks as one.

    health: what the text says about health; "your" or "my" right before such a word speaks of its owner. is_greeted:
    somebody is greeted by name in the message.
    """
    if not view.words.keys() & WORDS:
        return
    lower = view.lower
    has_patient = "the patient" in lower  # a note's "mom" is the source, not the patient
    yield from _owned(view, health, is_greeted=is_greeted)
    for pattern, strength, why in _TALK:
        for match in islice(pattern.finditer(view), _LIMIT):
            before = lower[max(0, match.start() - 24) : match.start() + 8]
            if why is _OF_RELATIVE:
                if not has_patient and not _is_general(before):
                    yield Mention(Kind.EMAIL, *match.span(), match[0], strength, why, Role.READER)
            elif not _is_general(before):
                signs = is_greeted + bool(_SPECIFIC.search(lower, match.end(), match.end() + _SPECIFIC_REACH))
                least = _OF_ONESELF if why is _OF_WRITER else _IN_GENERAL
                yield Mention(
                    Kind.EMAIL, *match.span(), match[0], (least, strength, _PERSONAL)[signs], why, Role.READER
                )


def _is_general(lower: str) -> bool:
    """Tell whether words speak to anybody: "ask your doctor", "if you have"."""
    return (" your" in lower or "if you" in lower) and _GENERAL.search(lower) is not None


def is_greeting(view: View, given_names: frozenset[str]) -> bool:
    """Tell whether a line greets or calls somebody by name. given_names: lower case."""
    if any(_is_name(match, given_names) for match in _VOCATIVE.finditer(view.text, 0, _OPENING)):
        return True
    return _GREETING.search(f"\n{view.lower}") is not None


def _is_name(match: re.Match[str], given_names: frozenset[str]) -> bool:
    """Tell whether a word that may call somebody does: a name of the list, or any word before "your" that is none."""
    word = (match["name"] or match["told"]).lower()
    is_opening = word in NOT_NAMES or word in _OPENINGS or word.endswith(("ly", "s"))
    return match["initial"] is not None or word in given_names or (match["spoken"] is not None and not is_opening)


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
