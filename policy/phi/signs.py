"""Words that say what a message is for: an offer, an appeal for gifts, a study; an opt-out; a class written on it.

How this works: the phrases are looked for with everything else (`look`), so they cost nothing. They say nothing about a
person, so they never make a message less protected nor more; `policy.purpose` weighs them. What stands in a signature
or a footer says nothing of the purpose (hospitals ask for gifts below every mail), but an opt-out is meant to be there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from policy.phi.report import Sign, SignKind
from policy.phi.text import Source, Text
from policy.phi.tie import Evidence
from policy.phi.told import told
from policy.phi.view import View
from policy.phi.zones import Zone, Zones

_PHRASES: Final = {
    SignKind.OFFER: """
        limited time offer, limited-time offer, special offer, exclusive offer, introductory price, promo code, coupon
        discount code, buy now, shop now, order now, order today, act now, sale ends, save up to, % off, free shipping
        money-back guarantee, book your free consultation, special pricing, while supplies last
    """,
    SignKind.APPEAL: """
        donate, donation, make a gift, your gift, annual appeal, annual fund, fundraiser, fundraising, tax-deductible
        tax deductible, matching gift, capital campaign, charitable contribution, become a donor, giving tuesday
    """,
    SignKind.STUDY: """
        research study, research participants, study participants, clinical trial, informed consent form
        principal investigator, institutional review board, irb approval, irb protocol, data use agreement
        limited data set, eligible to participate, study protocol
    """,
    SignKind.OPT_OUT: """
        unsubscribe, opt out, opt-out, no longer wish to receive, stop receiving these, do not wish to receive
        manage your preferences, email preferences
    """,
    SignKind.PAID: """
        sponsored by, paid for by, paid advertisement, paid promotion, brought to you by, sponsored content
    """,
    SignKind.PART2: "42 cfr part 2, 42 c.f.r. part 2, 42 cfr 2.32, 42 c.f.r. 2.32",
    SignKind.PSYCHOTHERAPY: "psychotherapy note, psychotherapy process note",
}
KINDS: Final = {
    phrase.strip(): kind
    for kind, phrases in _PHRASES.items()
    for phrase in phrases.replace("\n", ",").split(",")
    if phrase.strip()
}
WORDS: Final = frozenset(KINDS)
NOTICE: Final = "42 cfr part 2 prohibits unauthorized use or disclosure of these records"  # 42 CFR 2.32(a)(2)
_OLD_NOTICE: Final = "42 cfr part 2 prohibits unauthorized disclosure of these records"  # until 2024: a mark, no notice
_NOTICE_BEGINS: Final = "42 cfr part 2"
_NOTICE_LETTERS: Final = 2 * len(NOTICE)  # however it is broken into lines
_READ: Final = frozenset({Source.SUBJECT, Source.BODY, Source.ATTACHMENT})
_HEADINGS: Final = frozenset({SignKind.PSYCHOTHERAPY})  # count as a heading alone: prose may say what they are not
_MOST: Final = 50  # in a report
_BEFORE: Final = " \t#*-=[(:"  # what may stand before a heading in its line


def find_signs(evidence: Sequence[Evidence]) -> tuple[Sign, ...]:
    """The signs in a message, each phrase once. Linear."""
    found: dict[str, Sign] = {}
    for text, view, zones in ((item.text, item.view, item.zones) for item in evidence):
        if text.source in _READ and not WORDS.isdisjoint(view.words):
            for phrase, place in _of_text(text, view, zones):
                if phrase not in found and len(found) < _MOST:
                    kind = SignKind.PART2_NOTICE if phrase == NOTICE else KINDS[phrase]
                    found[phrase] = Sign(kind=kind, phrase=phrase, place=told(text.place_at(place)))
    return tuple(found.values())


def _of_text(text: Text, view: View, zones: Zones | None) -> Iterator[tuple[str, int]]:
    for phrase in sorted(view.words.keys() & WORDS):
        if (at := _first(view.words[phrase], KINDS[phrase], phrase, view.lower, zones)) is not None:
            yield phrase, at
    is_read = text.source is not Source.SUBJECT and not text.is_unseen  # 42 CFR 2.32(a): it goes with the records
    for start in view.words.get(_NOTICE_BEGINS, ()):  # wherever it stands: its place is the end
        words = " ".join(view.lower[start : start + _NOTICE_LETTERS].split())
        if words.startswith((NOTICE, _OLD_NOTICE)):
            yield (NOTICE if words.startswith(NOTICE) and is_read else _NOTICE_BEGINS), start


def _first(starts: Iterable[int], kind: SignKind, phrase: str, text: str, zones: Zones | None) -> int | None:
    """Where a phrase stands first as it has to."""
    for start in starts:
        if (phrase[0].isalpha() and text[start - 1 : start].isalnum()) or (
            phrase[-1].isalpha() and _goes_on(text, start + len(phrase))
        ):
            continue
        if kind in _HEADINGS and text[text.rfind("\n", 0, start) + 1 : start].strip(_BEFORE):
            continue
        if kind is SignKind.OPT_OUT or zones is None or zones.at(start) in {None, Zone.ATTRIBUTION}:
            return start
    return None


def _goes_on(text: str, end: int) -> bool:
    """Whether a word goes on behind a phrase, but for the s of a plural."""
    rest = text[end : end + 2]
    return rest[:1].isalnum() and not (rest[:1] == "s" and not rest[1:].isalnum())
