"""What the law asks of commercial mail (16 CFR part 316, 15 U.S.C. 7704): pure.

A message whose primary purpose is commercial (here: its purpose is marketing) shows that it is an advertisement unless
the recipient consented to it before, how to get no more, and a postal address. Clinical mail is never commercial.
"""

from datetime import date, timedelta
from typing import Final

from policy.facts import Facts, RecipientFacts
from policy.purpose import PurposeSource

COMMERCIAL: Final = frozenset({"marketing"})
BUSINESS_DAYS: Final = 10  # 15 U.S.C. 7704(a)(4)(A): an opt-out is honoured within ten business days
_SATURDAY: Final = 5


def is_commercial(facts: Facts, to: RecipientFacts) -> bool:
    """Whether the primary purpose of a copy is commercial, and it goes to somebody outside.

    An archive gets none of it: a link there would be somebody else's. What merely reads like an offer gets no opt-out
    of ours: nothing would stop the next such mail (`submit._ask_list`).
    """
    if facts.sent.purpose_source is PurposeSource.CONTENT or to.is_archive:
        return False
    return facts.sent.purpose.lower() in COMMERCIAL and _domain(to.address) not in facts.sent.our_domains


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
