"""Words and numbers about health: vocabulary, doses, ages, laboratory values, diagnosis codes."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from policy.phi import codes
from policy.phi.anchored import AT_NUMBER, Anchored
from policy.phi.codes import find_codes
from policy.phi.data.load import Term, Vocabulary
from policy.phi.mention import Mention
from policy.phi.report import Kind
from policy.phi.view import View

_DOSE: Final = Anchored(
    r"\b\d{1,5}+(?:\.\d{1,3}+)? ?(?:mg|mcg|µg|μg|ml|meq|units?|iu|puffs?)\b(?:/(?:kg|day|dl|ml))?",
    number=AT_NUMBER,
)
_NUMBERS: Final = "one two three four five six seven eight nine ten eleven twelve".split()
_AGE: Final = Anchored(
    rf"\b(?:\d{{1,3}}+|{'|'.join(_NUMBERS)})[- ]{{0,2}}+(?:year|yr|month|week|day)s?[- ]{{1,2}}olds?\b"
    r"|\b\d{1,3}+ ?y/?o\b",
    *_NUMBERS,
    number=AT_NUMBER,
)
# What most words of medicine end in; a word so long that no table holds is one of its kind.
_ENDINGS: Final = {
    Kind.DIAGNOSIS: """itis osis emia aemia opathy pathies algia plegia paresis uria rrhea rrhoea rrhage penia megaly
        malacia ectasis lithiasis adenoma sarcoma lymphoma carcinoma phagia phasia dysplasia pnea apnea spasm stenosis
        prolapse detachment""",
    Kind.PROCEDURE: """ectomy otomy ostomy oscopy plasty rrhaphy centesis pexy lysis desis graphy gram scopic tripsy""",
    Kind.DRUG: """cillin mycin floxacin cycline azole oprazole olol statin sartan dipine zosin azepam azolam zolam
        oxetine triptan setron gliptin gliflozin glutide parin xaban grel zumab ximab tinib ciclib mab vudine navir
        tegravir buvir cyclovir codone morphone lukast terol sone solone thiazide semide gabalin etine ipine idone
        tyline pramine phylline dronate profen oxicam""",
}
_KIND_OF_ENDING: Final = {ending: kind for kind, words in _ENDINGS.items() for ending in words.split()}
_NO_MEDICINE: Final = frozenset(
    """
    diagnosis prognosis osmosis hypnosis metamorphosis symbiosis analysis paralysis catalysis dialysis hydrolysis
    telegram diagram program anagram hologram histogram instagram kilogram monogram cryptogram hexagram pictogram
    ideogram photography geography biography autobiography bibliography typography cinematography demography
    cartography choreography calligraphy topography stenography cryptography videography lithography oceanography
    academia bohemia macadamia epidemia caesarea thermoplasty proteinuria reagram electrolysis psychoanalysis
    microanalysis urinalysis milligram microgram centigram datagram spectrogram scattergram pentagram parallelogram
    mycin suspenseful persone blasone nelson poisone ligure lesone personae sosone matrone autocide comedone cheerio
    detachment ostinato reanalysis bioanalysis cryptanalysis metaanalysis sone holographic ethnography discography
    filmography webgram stereotomy dichotomy trichotomy bonhomie anatomy physiognomy
    """.split()
)
_SHORTEST: Final = 7
_LONGEST: Final = 26
_ENDING_WEIGHT: Final = 0.65
WORDS: Final = codes.WORDS.union(_AGE.words, _KIND_OF_ENDING)
_VALUE_AFTER: Final = re.compile(
    r"(?: level| count| result)?[ :=]{1,4}(?:is |was |of |at |came back |= ?)?(?:\d|<|>|positive|negative"
    r"|high|low|elevated|abnormal|reactive)"
)
# Vocabulary terms that are also plain words or names unless written in capitals.
_CAPITALS_ONLY: Final = frozenset(
    """
    aids als ana alt ast bid bun sob cea tia esr ent nad coded doe loc dbt lmp edd gcs pna kub sle para std cmp bmp mdd
    aki usg ems ards oud ct rct iol yag iui svt vre sbo pvd ngt nwb rue lue rle lle ime uds moca trop phos iop gcs
    cta abg
    """.split()
)
# What makes a health word part of the name of something that is nobody's: "the diabetes association".
_IN_GENERAL: Final = re.compile(
    r"[ -](?:association|society|foundation|alliance|awareness|prevention|advocacy|seminars?|conference|symposium"
    r"|webinar|workshop|certification|settlement|crisis|epidemic|research|guidelines?|scanners?|shipments?|contracts?|industry"
    r"|markets?|budget|walk|5k|gala|fundraiser|campaign|centers?|centres?|pumps|vendors?|statistics|prevalence"
    r"|incidence|legislation|lawsuits?|polic(?:y|ies)|program (?:update|director|manager|budget))\b"
)
_GENERAL_WEIGHT: Final = 0.3
_LAB: Final = Kind.LAB
_WHY: Final = {kind: f"a term of the vocabulary for {kind.value}" for kind in Kind}
_SHAPES: Final = (
    (_DOSE, Kind.DRUG, 0.35, "an amount as of a dose"),
    (_AGE, Kind.CLINICAL, 0.5, "an age as in a case description"),
)
_TERMS: Final = 3_000  # in one text; more adds nothing to a verdict


def find_health(view: View, vocabulary: Vocabulary) -> list[Mention]:
    """Return what a text says about health: the longest terms, without overlap, then shapes. Linear."""
    found = list(_terms(view))
    found += _by_ending(view, found)
    found.sort(key=lambda mention: mention.start)
    found += find_codes(view, vocabulary.categories, found)
    for pattern, kind, strength, why in _SHAPES:
        for match in islice(pattern.finditer(view), _TERMS):
            start, end = match.span()
            found.append(Mention(kind, start, end, view.text[start:end], strength, why))
    return found


def _by_ending(view: View, terms: list[Mention]) -> list[Mention]:
    """Return words that end as those of medicine do and stand in no term of the tables."""
    lower, found = view.lower, []
    ends = {
        (start + len(ending), ending)
        for ending in view.words.keys() & _KIND_OF_ENDING.keys()
        for start in view.words[ending][:_TERMS]
    }
    taken, last = {mention.end for mention in terms}, -1
    for end, ending in sorted(ends, key=lambda pair: (pair[0], -len(pair[1]))):
        if end == last or end in taken or lower[end : end + 1].isalnum():
            continue
        start = end
        while start > 0 and end - start < _LONGEST and lower[start - 1].isalpha():
            start -= 1
        word = lower[start:end]
        if len(word) >= max(_SHORTEST, len(ending) + 3) and word not in _NO_MEDICINE and not word.endswith("person"):
            last, kind = end, _KIND_OF_ENDING[ending]
            found.append(
                Mention(kind, start, end, view.text[start:end], _ENDING_WEIGHT, "a word that ends as medicine's do")
            )
    return found


def _terms(view: View) -> Iterator[Mention]:
    last_start, last_end, best = -1, -1, None
    for start, negative_end, term in islice(_bounded(view), _TERMS * 4):
        end = -negative_end
        if start >= last_end:
            if best is not None:
                yield best
            best = None
        elif start > last_start or end <= last_end:
            continue
        mention = _mention(view, start, end, term)
        if mention is not None:
            last_start, last_end, best = start, end, mention
    if best is not None:
        yield best


def _bounded(view: View) -> list[tuple[int, int, Term]]:
    """Return whole-word matches as (start, -end, term), in order of start, longer first for the same start."""
    padded = f" {view.lower}  "  # so that there is a character on either side
    matches = []
    for last, term in view.terms:
        start = last + 1 - len(term.text)
        if padded[start].isalnum():
            continue
        after = padded[last + 2]
        if not after.isalnum() or (after == "s" and not padded[last + 3].isalnum()):
            matches.append((start, -last - 1, term))
    matches.sort()
    return matches


def _mention(view: View, start: int, end: int, term: Term) -> Mention | None:
    written = view.text[start:end]
    if term.kind is _LAB and _VALUE_AFTER.match(view.lower, end):
        return Mention(_LAB, start, end, written, max(term.weight, 0.85), "a laboratory test with a value")
    if term.text in _CAPITALS_ONLY and not written.isupper():
        return None
    if term.weight > _GENERAL_WEIGHT and _IN_GENERAL.match(view.lower, end):
        return Mention(term.kind, start, end, written, _GENERAL_WEIGHT, "a term in the name of something")
    return Mention(term.kind, start, end, written, term.weight, _WHY[term.kind])
