"""Who reads mail at an address: patients, those who act for them, and who it is that a message is about. Pure.

A link says that a person of the register is reached at an address, as what, how that was verified, and from when to
when. The patient of a message is the one that its sender's system names, else the one person whose own address the
recipient's is; else nobody knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from policy.purpose import PROMOTION


class Tie(StrEnum):
    """As what a person is reached at an address; the value is the word of `mailward person link --as`."""

    SELF = "self"
    REPRESENTATIVE = "representative"  # 45 CFR 164.502(g)
    SHARED = "shared"  # the person's own, but others read it
    INVOLVED = "involved"  # in the person's care or its payment: 45 CFR 164.510(b)


class Basis(StrEnum):
    """Why somebody may act for a person (45 CFR 164.502(g)(2) to (4))."""

    PARENT = "parent"
    GUARDIAN = "guardian"  # of a minor
    POWER_OF_ATTORNEY = "power-of-attorney"
    COURT = "court"
    EXECUTOR = "executor"


ENDS_AT_MAJORITY: Final = frozenset({Basis.PARENT, Basis.GUARDIAN})


class Position(StrEnum):
    """What a recipient is to the patient of a message."""

    SELF = "self"
    REPRESENTATIVE = "representative"
    SHARED = "shared"
    INVOLVED = "involved"
    STRANGER = "stranger"  # the register has people, and none with that address
    UNKNOWN = "unknown"  # nobody asked, or the register is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. id: as the registers name patients. majority_at: when they come of age; None: they are."""

    id: str
    recorded_by: str
    recorded_at: datetime
    majority_at: datetime | None = None

    def is_minor(self, at: datetime) -> bool:
        return self.majority_at is not None and at < self.majority_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One person at one address, in lower case. basis: of a representative. verified: how; empty: not.

    suspended_at: since when the address bounces; ended_at: since when it is not theirs.
    """

    id: str
    person: str
    address: str
    tie: Tie
    from_at: datetime
    recorded_by: str
    recorded_at: datetime
    basis: Basis | None = None
    verified: str = ""
    until_at: datetime | None = None
    suspended_at: datetime | None = None
    ended_at: datetime | None = None

    def is_current(self, at: datetime) -> bool:
        """Whether it has begun and not ended; it may be suspended."""
        ends = (self.until_at, self.ended_at)
        return self.from_at <= at and all(end is None or at < end for end in ends)


@dataclass(frozen=True, slots=True)
class People:
    """The register. links: by address. persons: by id."""

    persons: Mapping[str, Person]
    links: Mapping[str, tuple[Link, ...]]


NOBODY: Final = People({}, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one recipient; the defaults are what counts when nobody asked.

    patient: whom the message to this recipient is about, as the registers name them; empty: not known.
    is_patient: the address is one of a patient, or of who acts for one. is_minor: the patient is one.
    is_ambiguous: several read there, and the message does not say whom it is about.
    """

    patient: str = ""
    position: Position = Position.UNKNOWN
    is_verified: bool = False
    is_patient: bool = True
    is_minor: bool = False
    is_ambiguous: bool = False


NOT_ASKED: Final = Standing()
# To whom the message is about the recipient, however many it goes to.
ABOUT_RECIPIENT: Final = PROMOTION | {"individual", "access"}


def acts(link: Link, person: Person | None, at: datetime) -> bool:
    """Whether a link counts: not suspended by a bounce, and a parent's only until majority."""
    if not link.is_current(at) or link.suspended_at is not None:
        return False
    is_over = link.tie is Tie.REPRESENTATIVE and link.basis in ENDS_AT_MAJORITY
    return not (is_over and (person is None or not person.is_minor(at)))


def answer(people: People, *, recipient: str, said: str, purpose: str, is_only: bool, at: datetime) -> Standing:
    """What the register says of one recipient, an address in lower case.

    said: the patient whom the sender's system names, else empty. is_only: nobody else gets the message.
    """
    if not people.links:
        return Standing(patient=said)
    current = [link for link in people.links.get(recipient, ()) if link.is_current(at)]
    counting = [link for link in current if acts(link, people.persons.get(link.person), at)]
    patient = said or (_whose(counting) if is_only or purpose in ABOUT_RECIPIENT else "")
    person = people.persons.get(patient)
    return Standing(
        patient=patient,
        position=_position(counting, patient),
        is_verified=any(link.verified for link in counting if link.person == patient),
        is_patient=any(link.tie is not Tie.INVOLVED for link in current),
        is_minor=person is not None and person.is_minor(at),
        is_ambiguous=not patient and _has_several(counting),
    )


def _whose(links: Sequence[Link]) -> str:
    """The one person whose own address it is, when nobody else reads there."""
    return links[0].person if len(links) == 1 and links[0].tie is Tie.SELF else ""


def _has_several(links: Sequence[Link]) -> bool:
    return len({link.person for link in links}) > 1 or any(link.tie is Tie.SHARED for link in links)


def _position(links: Sequence[Link], patient: str) -> Position:
    """The least private of what they are to the patient: what several are, all of them read."""
    if not links:
        return Position.STRANGER
    ties = {link.tie for link in links if link.person == patient}
    if not ties:
        return Position.SHARED if not patient and _has_several(links) else Position.STRANGER
    return Position(max(ties, key=LEAST_PRIVATE.index).value)


LEAST_PRIVATE: Final = (Tie.SELF, Tie.REPRESENTATIVE, Tie.SHARED, Tie.INVOLVED)
