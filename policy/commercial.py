"""What the law asks of commercial mail (16 CFR part 316, 15 U.S.C. 7704): pure.

What a message is for says its sender's system, or a label. What merely reads like an offer (two phrases of
`policy.phi.signs`) is looked at by the criteria of 16 CFR 316.3(a), as far as a program can tell; where they make it
commercial, its sender has to say so, or a person, for an opt-out below care would be a promise about other mail.

A message whose primary purpose is commercial (here: its purpose is marketing) shows that it is an advertisement unless
the recipient consented to it before, how to get no more, and a postal address. Clinical mail is never commercial.
"""

from datetime import date, timedelta
from typing import Final

from policy.facts import Facts, RecipientFacts
from policy.phi.report import Place, SignKind
from policy.purpose import PurposeSource

COMMERCIAL: Final = frozenset({"marketing"})
FOOTER: Final = "16 CFR 316"  # the mark of what `footer` says (`Report.noticed`); no rule has such a name
SIGNED: Final = "Held: it lacks what commercial mail must show, and its author signed it."
BUSINESS_DAYS: Final = 10  # 15 U.S.C. 7704(a)(4)(A): an opt-out is honoured within ten business days
SUBJECT: Final = "subject"
_SAY: Final = (
    " Its sender's system can say what it is for (X-Mailward-Purpose), a label can, or a person releases it as it is."
)
BY_SUBJECT: Final = (
    "Held: its subject line offers something, so it may be commercial (16 CFR 316.3(a)(2)(i), (3)(i))." + _SAY
)
BY_BODY: Final = (
    "Held: it offers something, and no care is told of before, so it may be commercial"
    " (16 CFR 316.3(a)(1), (2)(ii), (3)(ii))." + _SAY
)
_LAST: Final = ((2**31,), 0, 0)
_SATURDAY: Final = 5


def is_commercial(facts: Facts, to: RecipientFacts) -> bool:
    """Whether the primary purpose of a copy is commercial, and it goes to somebody outside.

    An archive gets none of it: a link there would be somebody else's. What merely reads like an offer gets no opt-out
    of ours: nothing would stop the next such mail (`submit._ask_list`).
    """
    if facts.sent.purpose_source is PurposeSource.CONTENT or to.is_archive:
        return False
    return facts.sent.purpose.lower() in COMMERCIAL and _domain(to.address) not in facts.sent.our_domains


def unsaid(facts: Facts, to: RecipientFacts) -> str:
    """Why a copy that goes outside waits until somebody said whether it is commercial; empty: it need not.

    Care of somebody that the reader sees before any offer is what the message is for (16 CFR 316.3(a)(2)(ii), (c)).
    """
    sent, outside = facts.sent, _domain(to.address) not in facts.sent.our_domains
    if sent.purpose_source is not PurposeSource.CONTENT or sent.purpose not in COMMERCIAL or to.is_archive:
        return ""
    offers = [sign.place for sign in facts.report.signs if sign.kind is SignKind.OFFER]
    if not offers or not outside:
        return ""
    if any(place.part == SUBJECT for place in offers):
        return BY_SUBJECT
    care = [finding.place for finding in facts.report.findings if finding.kind.is_health and facts.report.phi]
    return "" if min(map(_order, care), default=_LAST) < min(map(_order, offers)) else BY_BODY


def _order(place: Place) -> tuple[tuple[int, ...], int, int]:
    """Places of a body in the order of reading; what has no number (a header) is read by nobody first."""
    number = place.part.partition(" ")[0].split(".")
    return (tuple(map(int, number)) if all(map(str.isdecimal, number)) else _LAST[0], place.page, place.line)


def footer(*, organisation: str, url: str, postal_address: str, is_advertisement: bool) -> str:
    """The text below a commercial message. is_advertisement: the recipient did not consent to it before."""
    said = f"This is an advertisement from {organisation}." if is_advertisement else f"This is from {organisation}."
    return f"{said}\nTo get no more such mail, open {url}\n{postal_address}"


def last_day(received: date) -> date:
    """The last day to honour an opt-out that came by another way; holidays count, which is the stricter reading."""
    day, left = received, BUSINESS_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
