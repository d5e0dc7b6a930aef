"""What patients consented to, asked for, or refused, and which of it speaks of a message. Pure.

A consent says who (the patient), what (its kind and purposes), to whom, and from when to when. Nothing is guessed:
where the message does not say which patient it is about, nobody consented to it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

ANY: Final = "any"  # among purposes: all of them
# What an authorization may name expressly: the words of the topics of information (`policy.phi.report.TOPICS`).
TOPICS: Final = ("substance_use", "mental_health", "hiv", "reproductive")


class Kind(StrEnum):
    """What kind of entry it is; the value is the word of `mailward consent add --kind`."""

    UNENCRYPTED = "unencrypted"  # plain mail after a warning: 45 CFR 164.522(b), 164.524(c)(3); 78 FR 5566, 5634 (2013)
    AUTHORIZATION = "authorization"  # 45 CFR 164.508
    PART2 = "part2"  # 42 CFR 2.31
    PSYCHOTHERAPY = "psychotherapy"  # notes, in no other authorization: 45 CFR 164.508(a)(2), (b)(3)(ii)
    OPT_OUT = "opt-out"  # 45 CFR 164.514(f)(2) and whatever else somebody does not want
    CONFIDENTIAL = "confidential"  # 45 CFR 164.522(b)(1): not by ordinary mail, but in the portal
    RESTRICTION = "restriction"  # 45 CFR 164.522(a): not to these recipients for these purposes


# Of the patient, but about mail to somebody else.
BOUND_TO_RECIPIENT: Final = frozenset({Kind.AUTHORIZATION, Kind.PART2, Kind.PSYCHOTHERAPY, Kind.RESTRICTION})
NEEDS_EVIDENCE: Final = frozenset(  # those that permit something
    {Kind.UNENCRYPTED, Kind.AUTHORIZATION, Kind.PART2, Kind.PSYCHOTHERAPY}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One entry.

    patient: an address in lower case, or the keyed hash of a patient id. purposes: words of X-Mailward-Purpose, or ANY.
    recipients: addresses and domains in lower case, empty where the patient is the recipient. evidence: SHA-256 of the
    signed document, hexadecimal. topics: words of TOPICS that an authorization names expressly; it covers no less of
    other information for that. covers: how much and what kind of information, in words; empty: not recorded.
    """

    id: str
    patient: str
    kind: Kind
    purposes: tuple[str, ...]
    recipients: tuple[str, ...]
    given_at: datetime
    recorded_by: str
    recorded_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    evidence: str = ""
    topics: tuple[str, ...] = ()
    covers: str = ""

    def in_force(self, at: datetime) -> bool:
        """Whether it was given, has not expired and is not revoked."""
        return (
            self.given_at <= at
            and (self.expires_at is None or at < self.expires_at)
            and (self.revoked_at is None or at < self.revoked_at)
        )

    def is_for(self, purpose: str) -> bool:
        """Whether it is for this purpose; an unknown one is only among all."""
        return ANY in self.purposes or purpose in self.purposes

    def forbids(self, recipient: str, purpose: str) -> bool:
        """Whether a restriction covers it: a purpose that nobody said may be any, and a domain has its subdomains."""
        domain = recipient.rpartition("@")[2]
        is_named = self.names(recipient) or any(domain.endswith(f".{one}") for one in self.recipients if "@" not in one)
        return is_named and (purpose == "unknown" or self.is_for(purpose))

    def names(self, recipient: str) -> bool:
        """Whether it names a recipient, in lower case, by address or exact domain: a consent is never stretched."""
        return recipient in self.recipients or recipient.rpartition("@")[2] in self.recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """What the register says of one recipient of a message. The defaults are what counts when nobody could ask it.

    unencrypted: this person chose plain mail. authorized, part2, psychotherapy: the patient whom the message is about
    lets it go to this recipient for its purpose. opted_out: this person wants no mail for its purpose. confidential:
    this person asked for another way than mail. restricted: the patient's information does not go to this recipient for
    its purpose. part2_scope: what the consent of 42 CFR 2.31 covers, in words for the recipient; empty: there is none.
    part2_scopes: the same of each that stands, for what was told of another than that one.
    topics: what the authorizations that make it authorized name expressly, in the order of the alphabet.
    """

    unencrypted: bool = False
    authorized: bool = False
    part2: bool = False
    psychotherapy: bool = False
    opted_out: bool = True
    confidential: bool = True
    restricted: bool = True
    part2_scope: str = ""
    part2_scopes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


def answer(
    entries: Iterable[Consent],
    *,
    recipient: str,
    patient: str,
    purpose: str,
    at: datetime,
    aliases: Collection[str] = (),
) -> Consents:
    """What the entries say of one recipient.

    entries: at least all those of the recipient's address and of the patient. recipient: an address, in lower case.
    patient: whom the message is about, as in `Consent.patient`; empty: not known. purpose: `unknown` when not said.
    aliases: by what else that patient may be on file; they count for what is forbidden, never for what is permitted.
    """
    standing = [one for one in entries if one.in_force(at)]
    own = {one.kind: one for one in standing if one.patient == recipient}
    given: dict[Kind, Consent] = {}
    topics, scopes = set[str](), set[str]()
    for one in standing:
        if patient and one.patient == patient and one.is_for(purpose) and one.names(recipient):
            given[one.kind] = max(given.get(one.kind, one), one, key=_lasts)
            topics.update(one.topics if one.kind is Kind.AUTHORIZATION else ())
            scopes.update({_scope(one)} if one.kind is Kind.PART2 else ())
    about = {patient, *aliases} - {""}
    return Consents(
        unencrypted=Kind.UNENCRYPTED in own,
        authorized=Kind.AUTHORIZATION in given,
        part2=Kind.PART2 in given,
        psychotherapy=Kind.PSYCHOTHERAPY in given,
        opted_out=any(
            one.patient == recipient and one.kind is Kind.OPT_OUT and one.is_for(purpose) for one in standing
        ),
        confidential=Kind.CONFIDENTIAL in own,
        restricted=any(
            one.kind is Kind.RESTRICTION and one.patient in about and one.forbids(recipient, purpose)
            for one in standing
        ),
        part2_scope=_scope(given[Kind.PART2]) if Kind.PART2 in given else "",
        part2_scopes=tuple(sorted(scopes)),
        topics=tuple(sorted(topics)),
    )


def _lasts(one: Consent) -> tuple[bool, datetime, str]:
    """Of two that permit the same, the one that does so longer counts."""
    return one.expires_at is None, one.expires_at or one.given_at, one.id


def _scope(one: Consent) -> str:
    """What it covers, as far as the register has it."""
    purposes = "any purpose" if ANY in one.purposes else ", ".join(sorted(one.purposes))
    end = "until it is revoked" if one.expires_at is None else f"until {one.expires_at:%Y-%m-%d} unless it is revoked"
    limited = f", limited to {one.covers}" if one.covers else ""  # 42 CFR 2.31(a)(3)
    return f"for {purposes}{limited}, {end}"
