"""Organisations that get mail from us, and what their agreements permit. Pure; the register is a table.

A business associate needs an agreement (45 CFR 164.502(e), 164.504(e)); a provider for treatment and a health plan for
payment do not (160.103, 164.506(c)). An organisation that is not on the register is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from policy.consent import ANY

WARN_BEFORE: Final = tuple(timedelta(days=days) for days in (60, 30, 7))


class Relation(StrEnum):
    """What an organisation is to us; the value is the word of `mailward baa add --relation`."""

    ASSOCIATE = "business-associate"
    PROVIDER = "provider"
    PAYER = "payer"
    OTHER = "other"
    UNKNOWN = "unknown"  # not on the register


class UnknownOrganisation(StrEnum):
    """What happens to protected mail to a domain that is on no register (`policy.unknown_organisation`)."""

    REVIEW = "review"  # it goes out, and the domain is listed (`mailward report baa`)
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One organisation. domains: in lower case, each with those below it. purposes: what its agreement permits.

    is_qsoa: the agreement is one of a qualified service organisation, too (42 CFR 2.11). agreed_at: the agreement's
    beginning; None: there is none. contact: whom to ask.
    """

    name: str
    relation: Relation
    domains: tuple[str, ...]
    purposes: tuple[str, ...]
    recorded_by: str
    recorded_at: datetime
    is_qsoa: bool = False
    agreed_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    contact: str = ""

    def in_force(self, at: datetime) -> bool:
        """Whether there is an agreement that has begun, has not expired and was not ended."""
        return (
            self.agreed_at is not None
            and self.agreed_at <= at
            and (self.expires_at is None or at < self.expires_at)
            and (self.ended_at is None or at < self.ended_at)
        )

    def expires_within(self, at: datetime) -> timedelta | None:
        """The shortest of WARN_BEFORE that is left of an agreement in force; None: more, or it never expires."""
        if self.expires_at is None or not self.in_force(at):
            return None
        left = self.expires_at - at
        return min((span for span in WARN_BEFORE if left <= span), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the register says of the organisation of one recipient. The defaults are those of one that is unknown.

    permits: the agreement is in force and for the message's purpose. qsoa: in force, and a QSOA.
    """

    relation: Relation = Relation.UNKNOWN
    in_force: bool = False
    permits: bool = False
    qsoa: bool = False


NO_AGREEMENT: Final = Agreement()


def find(register: Mapping[str, Organisation], domain: str) -> Organisation | None:
    """The organisation of a domain, or of the nearest one above it. register: by domain."""
    while domain:
        if (found := register.get(domain)) is not None:
            return found
        domain = domain.partition(".")[2]
    return None


def answer(register: Mapping[str, Organisation], *, domain: str, purpose: str, at: datetime) -> Agreement:
    """What the register says of a recipient's domain, in lower case. purpose: `unknown` when not said."""
    found = find(register, domain)
    if found is None:
        return NO_AGREEMENT
    in_force = found.in_force(at)
    return Agreement(
        relation=found.relation,
        in_force=in_force,
        permits=in_force and (ANY in found.purposes or purpose in found.purposes),
        qsoa=in_force and found.is_qsoa,
    )
