"""What a next hop says it takes in one transaction and in one session (RFC 9422, the LIMITS extension)."""

import re
from dataclasses import dataclass
from typing import Final

LIMIT: Final = re.compile(r"[1-9][0-9]{0,5}")  # RFC 9422 section 4, the values of all three
ANY_NUMBER: Final = 1_000_000  # above every value that the grammar has


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """recipients: RCPT in one transaction. transactions: MAIL in one session, refused ones too.

    domains: of recipients, different ones, in one session.
    """

    recipients: int = ANY_NUMBER  # RFC 9422 section 4.2, RCPTMAX
    transactions: int = ANY_NUMBER  # section 4.1, MAILMAX
    domains: int = ANY_NUMBER  # section 4.3, RCPTDOMAINMAX


def parse_limits(text: str) -> PeerLimits:
    """Read the parameters of the EHLO keyword LIMITS; empty where the peer did not say it.

    What is unknown or malformed counts as not said (RFC 9422 section 3), and of two that contradict the smaller counts.
    """
    found: dict[str, int] = {}
    for word in text.upper().split():
        name, _, value = word.partition("=")
        if LIMIT.fullmatch(value):
            found[name] = min(int(value), found.get(name, ANY_NUMBER))
    return PeerLimits(
        recipients=found.get("RCPTMAX", ANY_NUMBER),
        transactions=found.get("MAILMAX", ANY_NUMBER),
        domains=found.get("RCPTDOMAINMAX", ANY_NUMBER),
    )
