"""What is told to rules and to people but never decides whether a message is PHI. Linear.

Card and bank numbers, numbers of providers, ZIP codes, web and IP addresses: each stands in mail about nobody as often
as in mail about a patient.
"""

import ipaddress
from collections.abc import Iterator
from itertools import islice
from typing import Final

from policy.phi.anchored import AT_NUMBER, Anchored
from policy.phi.cards import find_cards
from policy.phi.checked import find_professional
from policy.phi.mention import Mention
from policy.phi.report import Kind
from policy.phi.view import View

_URL: Final = Anchored(r"(?<!\w)(?:https?://|www\.)[^\s<>\"']{3,200}", *("http", "www."))
_IP: Final = Anchored(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)", number=AT_NUMBER)
_STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]"
    "|W[AIVY]"
)
_ZIP: Final = Anchored(rf"(?<=\b(?:{_STATES}) )\d{{5}}(?:-\d{{4}})?(?![\w-])", number=AT_NUMBER, is_cased=True)
_MOST: Final = 20  # of one kind in one text: a newsletter has a hundred links
WORDS: Final = _URL.words


def find_asides(view: View) -> Iterator[Mention]:
    """Yield what is worth telling and decides nothing."""
    yield from find_cards(view)
    yield from find_professional(view)
    yield from _shaped(_URL, Kind.URL, view, "a web address")
    yield from _shaped(_ZIP, Kind.ZIP, view, "a ZIP code after a state")
    for mention in _shaped(_IP, Kind.IP_ADDRESS, view, "the shape of an IP address"):
        if _is_address(mention.value):
            yield mention


def _shaped(pattern: Anchored, kind: Kind, view: View, why: str) -> Iterator[Mention]:
    for match in islice(pattern.finditer(view), _MOST):
        start, end = match.span()
        yield Mention(kind, start, end, view.text[start:end], 0.2, why)


def _is_address(value: str) -> bool:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True
